"""Take the endpoint away while nobody asks, and bring it back for who does.

Invoked by the schedule (`{"Sweep": true, "At": ...}`), the endpoint's state-change events, the prediction function that
finds no endpoint (`{"Wake": true}`), and `deploy.py endpoint stop` and `start` (`{"Stop": true}`, `{"Start": true}`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import InputError
from handlers.contract.settings import Settings
from handlers.endpoints import idleness, standby
from handlers.ledger import Ledger, Standby
from handlers.training_jobs.jobs import describe

aws.prepare("dynamodb", "sagemaker")


def sweep(at: datetime, ledger: Ledger, settings: Settings) -> standby.Answer:
    """Look after an endpoint that is away, or take one away that has been idle for long."""
    if standby.is_away(ledger, settings):
        standby.look_after(ledger, settings)
    elif since := idleness.idle_since(describe("endpoint", settings.endpoint_name), at, settings):
        return standby.stop(ledger, settings, by_hand=False, idle_since=since)
    row = Standby.of(ledger, settings.endpoint_name)
    return standby.answer_of(row, describe("endpoint", settings.endpoint_name), settings)


def answer(event: object, ledger: Ledger, settings: Settings) -> standby.Answer:
    """Return where the endpoint stands once the event is handled.

    Raises:
        InputError: it is none that is known.
    """
    if not isinstance(event, Mapping):
        raise InputError(f"event: {type(event).__name__}; it is an object with Sweep, Stop, Start or Wake")
    if event.get("Sweep") or event.get("detail-type") == "SageMaker Endpoint State Change":
        return sweep(_time(event.get("At")), ledger, settings)
    if event.get("Stop"):
        return standby.stop(ledger, settings, by_hand=True)
    if event.get("Wake") or event.get("Start"):
        return standby.wake(ledger, settings, by_hand=bool(event.get("Start")))
    raise InputError(f"event {sorted(event)}: none of Sweep, Stop, Start and Wake; use `deploy.py endpoint`")


def _time(text: object) -> datetime:
    """Return when a sweep was due, which is the account's clock; now for an event."""
    return datetime.fromisoformat(text) if isinstance(text, str) and text else datetime.now(UTC)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    settings = Settings.from_env()
    answered = answer(event, Ledger(settings, context.aws_request_id), settings)
    logger.info("endpoint looked after", answer=answered.to_event())
    return answered.to_event()
