"""Off when idle: the endpoint goes while nobody asks, and comes back for the next who does.

What is to be done is written down before it is done, in one row, and whoever looks next, by an event, a prediction or
the sweep, goes on from there. An execution has its turn before it deploys and looks at the row; a stop has its row
before it looks whose turn it is: so one of the two always sees the other.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError, AwsPendingError
from handlers.contract.settings import Settings
from handlers.endpoints import scaling, serving
from handlers.executions.turns import turn_is_free
from handlers.ledger import Ledger, Serving, Standby
from handlers.ledger.standby import made_at
from handlers.training_jobs.jobs import describe

START_SECONDS = 300  # until one was measured; SageMaker takes three to six minutes to start an instance
SOON_SECONDS = 15
ABANDONED_SECONDS = 900.0  # no function lives longer


@dataclass(frozen=True)
class Answer:
    """Where the endpoint stands, in one word and in words, and after how many seconds to ask again."""

    state: str  # serving, stopping, stopped, starting or none
    words: str
    retry_after_seconds: int = 0

    def to_event(self) -> dict[str, Any]:
        """Return it as the function answers."""
        return {"State": self.state, "Words": self.words, "RetryAfterSeconds": self.retry_after_seconds}


def stop(ledger: Ledger, settings: Settings, *, by_hand: bool, idle_since: str = "") -> Answer:
    """Take the endpoint away, and keep what it is made of again; say so, or why not."""
    row, endpoint = Standby.of(ledger, settings.endpoint_name), describe("endpoint", settings.endpoint_name)
    if row.is_away or endpoint is None:
        return answer_of(row, endpoint, settings)
    if problem := _reason_to_stay(endpoint, ledger, settings):
        return Answer("serving", f"endpoint {settings.endpoint_name!r} stays: {problem}")
    listed: Sequence[Any] = aws.sagemaker().list_tags(ResourceArn=endpoint["EndpointArn"])["Tags"]
    asked = _row_of(endpoint, row, endpoint["EndpointConfigName"])
    asked = replace(asked, by_hand=by_hand, idle_since=idle_since, tags=[dict(tag) for tag in listed])
    if not asked.take(ledger):
        return Answer("stopping", "it is being taken away already", SOON_SECONDS)
    return _take_away(Standby.of(ledger, settings.endpoint_name), ledger, settings)


def _row_of(endpoint: Mapping[str, Any], row: Standby, config_name: str) -> Standby:
    return replace(row, config_name=config_name, created_at=made_at(endpoint), tags=[])


def _reason_to_stay(endpoint: Mapping[str, Any], ledger: Ledger, settings: Settings) -> str:
    serves = Serving.get(ledger, settings.endpoint_name)
    if endpoint["EndpointStatus"] != "InService":
        return f"it is {endpoint['EndpointStatus']}; wait until it is InService"
    if serves is None or serves.execution_name != endpoint["EndpointConfigName"]:
        return f"no run has put {endpoint['EndpointConfigName']!r} into production; deploy one of the stack's models"
    return ""


def _take_away(row: Standby, ledger: Ledger, settings: Settings) -> Answer:
    """Delete the endpoint unless an execution runs, which may deploy to it."""
    if not turn_is_free(ledger, settings):
        _let_stay(row, ledger, settings)
        return Answer("serving", "it stays: an execution runs, which may deploy to it; stop it after its end")
    scaling.take_away(ledger, settings)
    try:
        serving.remove_endpoint(settings.endpoint_name)
    except AwsError as error:
        if error.code != "ValidationException":  # it may be carried out all the same
            raise
        _let_stay(row, ledger, settings)  # it changes just now, as while instances are added
        return Answer("serving", f"it stays: {error}")
    logger.info("endpoint taken away", endpoint_config_name=row.config_name, idle_since=row.idle_since)
    return Answer("stopping", f"the endpoint is taken away; {row.config_name!r} is kept for its return", SOON_SECONDS)


def _let_stay(row: Standby, ledger: Ledger, settings: Settings) -> None:
    scaling.restore(ledger, settings)
    row.back(ledger)


def wake(ledger: Ledger, settings: Settings, *, by_hand: bool) -> Answer:
    """Bring the endpoint back if it is away; what a person has stopped, a prediction does not start."""
    row, at = Standby.of(ledger, settings.endpoint_name), int(time.time())
    is_for_run = row.gives_way and not turn_is_free(ledger, settings)
    if row.is_away and (by_hand or not row.by_hand) and not is_for_run:
        row.want(ledger, at)
        look_after(ledger, settings)
        row = Standby.of(ledger, settings.endpoint_name)
    return answer_of(row, describe("endpoint", settings.endpoint_name), settings)


def look_after(ledger: Ledger, settings: Settings) -> None:
    """Do what is next for an endpoint that is away, or on its way."""
    row, endpoint = Standby.of(ledger, settings.endpoint_name), describe("endpoint", settings.endpoint_name)
    if not row.is_away:
        return
    if endpoint is None:
        if row.wanted_at:
            _create(row, ledger, settings)
    elif _is_same(endpoint, row):
        if endpoint["EndpointStatus"] == "InService" and _is_abandoned(row):
            _let_stay(row, ledger, settings)
    elif endpoint["EndpointStatus"] == "InService":
        _welcome(row, endpoint, ledger, settings)
    elif endpoint["EndpointStatus"] == "Failed" and endpoint["EndpointConfigName"] == row.config_name:
        reason = " ".join(endpoint.get("FailureReason", "").split()) or "SageMaker gives no reason"
        row.give_up(ledger, reason)
        logger.error("the endpoint could not be started again", reason=reason)
        serving.remove_endpoint(settings.endpoint_name)


def _is_same(endpoint: Mapping[str, Any], row: Standby) -> bool:
    """Tell whether it is still the endpoint that is to go."""
    return made_at(endpoint) == row.created_at


def _is_abandoned(row: Standby) -> bool:
    """Tell whether whoever began to take it away was cut off; until then nobody else ends what that one does."""
    return time.time() - datetime.fromisoformat(row.taken_at).timestamp() > ABANDONED_SECONDS


def _welcome(row: Standby, endpoint: Mapping[str, Any], ledger: Ledger, settings: Settings) -> None:
    """Give autoscaling back to what is there again; what a deployment has put there gets its own."""
    took = 0
    if endpoint["EndpointConfigName"] == row.config_name:
        took = max(1, round((endpoint["LastModifiedTime"] - endpoint["CreationTime"]).total_seconds()))
        scaling.restore(ledger, settings)
    row.back(ledger, took)
    logger.info("endpoint is back", endpoint_config_name=endpoint["EndpointConfigName"], start_seconds=took)


def _create(row: Standby, ledger: Ledger, settings: Settings) -> None:
    """Create the endpoint again; of many who come at once, one asks SageMaker."""
    if not row.attempt(ledger, int(time.time())):
        return
    tags: Any = {"Tags": row.tags} if row.tags else {}
    try:
        aws.sagemaker().create_endpoint(EndpointName=settings.endpoint_name, EndpointConfigName=row.config_name, **tags)
    except AwsError as error:
        if aws.may_be_done(error) and describe("endpoint", settings.endpoint_name) is not None:
            return
        row.give_up(ledger, str(error))
        logger.exception("the endpoint could not be started again")


def answer_of(row: Standby, endpoint: Mapping[str, Any] | None, settings: Settings) -> Answer:
    """Return where the endpoint stands."""
    name, status = settings.endpoint_name, endpoint["EndpointStatus"] if endpoint else ""
    if not row.is_away:
        return Answer("serving" if endpoint else "none", f"endpoint {name!r} is {status or 'not there'}", SOON_SECONDS)
    left = _seconds_left(row)
    if endpoint and _is_same(endpoint, row):
        then = ", then it is started" if row.wanted_at else ""
        return Answer("stopping", f"endpoint {name!r} is being taken away{then}", SOON_SECONDS)
    if row.wanted_at or endpoint:
        return Answer("starting", f"endpoint {name!r} was stopped and is being started; try again in {left} s", left)
    if row.problem:
        words = f"endpoint {name!r} could not be started: {row.problem}; the next call tries again"
        return Answer("stopped", words, left)
    if row.by_hand:
        return Answer("stopped", f"endpoint {name!r} was stopped by hand; start it with `deploy.py endpoint start`")
    return Answer("stopped", f"endpoint {name!r} is stopped; the next prediction starts it", left)


def _seconds_left(row: Standby) -> int:
    """Return how long the start goes on, by what the last one took."""
    passed = time.time() - row.wanted_at if row.wanted_at else 0.0
    return max(SOON_SECONDS, round((row.start_seconds or START_SECONDS) - passed))


def come_to_rest(ledger: Ledger, settings: Settings, seconds: float) -> str:
    """Let an endpoint that goes be gone, and one that comes be there, before a deployment; return what served if away.

    Raises:
        AwsPendingError: it is still being started; the state is repeated.
    """
    row, endpoint = Standby.of(ledger, settings.endpoint_name), describe("endpoint", settings.endpoint_name)
    if not row.is_away:
        return ""
    if endpoint and _is_same(endpoint, row):
        scaling.take_away(ledger, settings)
        serving.make_room(endpoint, settings, seconds)
    elif endpoint and endpoint["EndpointConfigName"] == row.config_name:
        if not serving.wait_until_steady(settings, seconds):
            raise AwsPendingError(f"endpoint {settings.endpoint_name!r} is being started; the state is repeated")
        look_after(ledger, settings)
    return row.config_name if describe("endpoint", settings.endpoint_name) is None else ""


@contextmanager
def or_again(ledger: Ledger, settings: Settings) -> Iterator[None]:
    """Let a state be repeated that could not create the endpoint because a prediction has started it meanwhile.

    Raises:
        AwsPendingError: so it is.
    """
    try:
        yield
    except AwsError as error:
        if is_away(ledger, settings) and describe("endpoint", settings.endpoint_name):
            raise AwsPendingError(f"{error}; it was started meanwhile, and the state is repeated") from error
        raise


def is_away(ledger: Ledger, settings: Settings) -> bool:
    """Tell whether the endpoint was taken away, and is not known to be back."""
    return Standby.of(ledger, settings.endpoint_name).is_away


def give_way(endpoint: Mapping[str, Any], config_name: str, ledger: Ledger, settings: Settings) -> None:
    """Write down that the endpoint goes for one of another kind, so that what serves can come back if that fails."""
    row = Standby.of(ledger, settings.endpoint_name)
    replace(_row_of(endpoint, row, config_name), gives_way=True).take(ledger)
