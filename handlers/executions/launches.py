"""Start an execution for a dataset's content of now: once, in its turn, and not for nothing.

The execution's name says dataset, content, code, settings and attempt, so however often the same wish arrives, one
execution is started; a failed or forced one leads to the next attempt.
"""

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsInUseError, AwsNotFoundError, AwsUnavailableError, RetrieverError
from handlers.contract.names import execution_name, run_key
from handlers.contract.settings import Settings
from handlers.contract.states import DatasetRequest
from handlers.datasets.fingerprint import fingerprint_of
from handlers.executions import turns
from handlers.ledger import Dataset, Ledger, Pending, Run, RunStatus, Serving, Turn
from handlers.ledger.rows import now


class Decision(Enum):
    """What came of a wish for an execution."""

    STARTED = auto()
    WAITS = auto()  # for its turn
    RUNS = auto()  # on the same content already
    UNCHANGED = auto()  # since an execution that succeeded
    REFUSED = auto()  # there is nothing to start it on


@dataclass(frozen=True)
class Answer:
    """A decision, with the sentence that a person reads."""

    decision: Decision
    reason: str
    execution_name: str = ""

    @property
    def started(self) -> bool:
        return self.decision is Decision.STARTED

    def to_event(self, settings: Settings) -> dict[str, Any]:
        """Return the answer as an invocation of start_execution gives it."""
        answer: dict[str, Any] = {"Started": self.started, "Reason": self.reason}
        if self.started:
            arn = settings.execution_arn(self.execution_name)
            answer |= {"ExecutionName": self.execution_name, "ExecutionArn": arn}
        return answer


@dataclass(frozen=True)
class Request:
    """A wish for an execution: of which dataset, why, and whether an unchanged one is to run again."""

    name: str
    s3_uri: str
    reason: str  # upload, schedule, manual or queued
    force: bool = False


def refused(reason: str, decision: Decision = Decision.REFUSED) -> Answer:
    logger.info("nothing started", reason=reason)
    return Answer(decision, reason)


def start(request: Request, ledger: Ledger, settings: Settings) -> Answer:
    """Start an execution for the content that is in S3 now, or say why not; while another runs, the dataset waits."""
    answer = decide(request, ledger, settings)
    if answer.decision is Decision.WAITS:
        Pending.queue(ledger, request.name, request.s3_uri)
        if turns.turn_is_free(ledger, settings):  # the other has ended just now, and may not have seen who waits
            return start_next(ledger, settings)
    return answer


def start_next(ledger: Ledger, settings: Settings) -> Answer:
    """Start the dataset that has waited longest; those that need no run leave the queue."""
    answer = refused("no dataset waits")
    for waiting in Pending.in_order(ledger):
        answer = decide(Request(waiting.name, waiting.s3_uri, "queued"), ledger, settings)
        if answer.decision is Decision.WAITS:
            return answer
        if answer.decision is Decision.RUNS and not turns.turn_is_free(ledger, settings):
            return answer
        waiting.remove(ledger)
        if answer.started:
            return answer
    return answer


def decide(request: Request, ledger: Ledger, settings: Settings) -> Answer:
    """Start an execution if there is reason to and the turn is free; nothing is queued."""
    try:
        fingerprint = fingerprint_of(request.s3_uri)
    except AwsNotFoundError:
        return refused(f"dataset {request.name!r}: {request.s3_uri!r} does not exist; upload it again")
    dataset = DatasetRequest(name=request.name, s3_uri=request.s3_uri, fingerprint=fingerprint)
    key = run_key(request.name, fingerprint, settings.training_source_s3_uri, settings.model_digest())
    answer = None
    while answer is None:  # an execution of the name that has ended unnoted leads to the next attempt
        attempt, last = next_attempt(request.name, key, ledger)
        if last is not None:
            status = turns.execution_status(settings, last.execution_name) if last.is_open else last.status
            if status == "":
                attempt -= 1  # it was noted and never came to be
            elif (done := _needless(request, last, status, ledger, settings)) is not None:
                return done
        answer = launch(request, dataset, key, attempt, ledger, settings)
    return answer


def next_attempt(dataset_name: str, key: str, ledger: Ledger) -> tuple[int, Run | None]:
    """Return the first attempt of the run key that has no record, and the record of the one before it."""
    last = None
    noted = Dataset.get(ledger, dataset_name)
    attempt = noted.attempt if noted and noted.run_key == key else 1
    while run := Run.get(ledger, execution_name(dataset_name, key, attempt)):
        attempt, last = attempt + 1, run
    return attempt, last


def _needless(request: Request, last: Run, status: str, ledger: Ledger, settings: Settings) -> Answer | None:
    """Return why no further attempt is made after the last one, or None."""
    if status in turns.GOING:
        sentence = f"dataset {request.name!r}: execution {last.execution_name!r} runs on the same content"
        return refused(sentence, Decision.RUNS)
    if status == RunStatus.SUCCEEDED and not request.force and _serves(last.execution_name, ledger, settings):
        return skip(request, last.execution_name, ledger)
    return None


def _serves(name: str, ledger: Ledger, settings: Settings) -> bool:
    serving = Serving.get(ledger, settings.endpoint_name)
    return serving is None or serving.execution_name == name


def skip(request: Request, name: str, ledger: Ledger) -> Answer:
    """Record that nothing has changed since an execution that succeeded."""
    reason = f"dataset {request.name!r}: data, code and settings are those of {name!r}, which succeeded; nothing to do"
    Dataset.skip(ledger, request.name, reason)
    return refused(reason, Decision.UNCHANGED)


def launch(
    request: Request, dataset: DatasetRequest, key: str, attempt: int, ledger: Ledger, settings: Settings
) -> Answer | None:
    """Take the turn, note the run, then start its execution; its name makes a second start the same execution.

    None means that an execution of this name has ended unnoted; its record says so now.
    """
    name = execution_name(request.name, key, attempt)
    holder = turns.take_turn(ledger, settings, name)
    if holder:
        sentence = f"dataset {request.name!r} is queued; it starts when execution {holder!r} has ended"
        return refused(sentence, Decision.WAITS)
    run = Run(name, status=RunStatus.STARTING, dataset=dataset.name, fingerprint=dataset.fingerprint, started_at=now())
    run.note(ledger)
    try:
        _start_execution(name, dataset, request.reason, settings)
    except AwsInUseError:
        return _namesake(run, request, ledger, settings)
    except AwsUnavailableError:  # it may run: who asks again finds out, and meets the turn and the note as its own
        raise
    except RetrieverError:
        Turn.give_back(ledger, name)
        run.withdraw(ledger)
        raise
    run.mark_running(ledger)
    noted = Dataset(
        dataset.name, dataset.s3_uri, fingerprint=dataset.fingerprint, run_key=key, attempt=attempt,
        execution_name=name, status=RunStatus.RUNNING,
    )  # fmt: skip
    noted.launch(ledger)
    logger.info("execution started", execution_name=name, reason=request.reason)
    sentence = f"dataset {dataset.name!r}: execution {name!r} started ({request.reason})"
    return Answer(Decision.STARTED, sentence, name)


def _start_execution(name: str, dataset: DatasetRequest, reason: str, settings: Settings) -> None:
    state = {"Dataset": dataset.to_event(), "Trigger": {"Reason": reason}}
    aws.stepfunctions().start_execution(
        stateMachineArn=settings.state_machine_arn, name=name, input=json.dumps(state, sort_keys=True)
    )


def _namesake(run: Run, request: Request, ledger: Ledger, settings: Settings) -> Answer | None:
    """Answer for an execution of this name that is there: it runs, or, with None, its end is noted now."""
    status = turns.execution_status(settings, run.execution_name)
    if status in turns.GOING:
        return refused(f"dataset {request.name!r}: execution {run.execution_name!r} was started before", Decision.RUNS)
    run.change(ledger, {"status": status})
    return None
