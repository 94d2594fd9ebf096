"""Start an execution for a dataset's content of now: once, in its turn, and not for nothing.

The execution's name says dataset, content, code, settings and attempt, so however often the same wish arrives, one
execution is started; a failed or forced one leads to the next attempt.
"""

import json
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsInUseError, AwsNotFoundError, AwsUnavailableError, DatasetError, RetrieverError
from handlers.contract.names import execution_name, run_key
from handlers.contract.settings import Settings
from handlers.contract.states import DatasetRequest
from handlers.datasets.fingerprint import fingerprint_of
from handlers.executions import turns
from handlers.executions.changes import (
    deployed_otherwise,
    is_refused_again,
    judged_by,
    refusal,
    rejudgement,
)
from handlers.executions.redeployments import KeptModel, kept_model, serving_config
from handlers.executions.spending import refuse_dear
from handlers.ledger import Dataset, Drop, Ledger, Pending, Run, RunStatus, Turn
from handlers.ledger.history import withdrawn
from handlers.ledger.rows import now

_ATTEMPTS_LOOKED_AT = 20  # for one that succeeded


class Decision(Enum):
    """What came of a wish for an execution."""

    STARTED = auto()
    WAITS = auto()  # for its turn
    RUNS = auto()  # on the same content already, or has run on this very upload
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
        if self.execution_name:
            arn = settings.execution_arn(self.execution_name)
            answer |= {"ExecutionName": self.execution_name, "ExecutionArn": arn}
        return answer


@dataclass(frozen=True)
class Request:
    """A wish for an execution: of which dataset, why, and whether an unchanged one is to run again."""

    name: str
    s3_uri: str
    reason: str  # upload, drop, schedule, manual, sweep or queued
    force: bool = False
    despite_rollback: bool = False  # whether a person wants it although the model of this content was rolled back
    modified_at: str | None = None  # of the object that completed the dataset, by S3's clock, where that is known
    redo_from: str | None = None  # the state from which on nothing finished is taken, "" for none

    @property
    def redoes(self) -> str | None:
        """Return the state from which on the run does everything anew: a forced one searches and trains."""
        return (self.redo_from or None) if self.redo_from is not None or not self.force else "StartTuningJob"


def refused(reason: str, decision: Decision = Decision.REFUSED, execution_name: str = "") -> Answer:
    logger.info("nothing started", reason=reason)
    return Answer(decision, reason, execution_name)


def start(request: Request, ledger: Ledger, settings: Settings) -> Answer:
    """Start an execution for the content that is in S3 now, or say why not; while another runs, the dataset waits."""
    answer = decide(request, ledger, settings)
    if answer.decision is Decision.WAITS:
        Pending.queue(ledger, request.name, request.s3_uri, request.modified_at)
        if turns.turn_is_free(ledger, settings):  # the other has ended just now, and may not have seen who waits
            return start_next(ledger, settings)
    return answer


def start_next(ledger: Ledger, settings: Settings) -> Answer:
    """Start the dataset that has waited longest; those that need no run leave the queue, those still changing stay."""
    answer = refused("no dataset waits")
    for waiting in Pending.in_order(ledger):
        if _still_changes(waiting, ledger, settings):
            answer = refused(f"dataset {waiting.name!r} is queued; its files still change")
            continue
        request = Request(waiting.name, waiting.s3_uri, "queued", modified_at=waiting.modified_at)
        answer = decide(request, ledger, settings)
        if answer.decision is Decision.WAITS:
            return answer
        if answer.decision is Decision.RUNS and not turns.turn_is_free(ledger, settings):
            return answer
        waiting.remove(ledger)
        if answer.started:
            return answer
    return answer


def _still_changes(waiting: Pending, ledger: Ledger, settings: Settings) -> bool:
    drop = Drop.get(ledger, waiting.name) if settings.settle_seconds and waiting.s3_uri.endswith("/") else None
    return drop is not None and drop.waits


def decide(request: Request, ledger: Ledger, settings: Settings) -> Answer:
    """Start an execution if there is reason to and the turn is free; nothing is queued."""
    try:
        fingerprint = fingerprint_of(request.s3_uri)
    except (AwsNotFoundError, DatasetError) as error:
        is_gone = isinstance(error, AwsNotFoundError)
        why = f"{request.s3_uri!r} does not exist; upload it again" if is_gone else str(error)
        return refused(f"dataset {request.name!r}: {why}")
    dataset = DatasetRequest(name=request.name, s3_uri=request.s3_uri, fingerprint=fingerprint)
    key = run_key(request.name, fingerprint, settings.training_source_s3_uri, settings.model_digest())
    answer = None
    while answer is None:  # an execution of the name that has ended unnoted leads to the next attempt
        number, last = next_attempt(request.name, key, ledger)
        status = _status(last, settings) if last else ""
        if last and status in turns.GOING:
            sentence = f"dataset {request.name!r}: execution {last.execution_name!r} runs on the same content"
            return refused(sentence, Decision.RUNS, last.execution_name)
        if last and status and _was_started_on(request, ledger):
            sentence = f"dataset {request.name!r}: execution {last.execution_name!r} was started on this upload already"
            return refused(sentence, Decision.RUNS, last.execution_name)
        good = None if request.force else last_success(request.name, key, number, ledger, settings)
        config = serving_config(ledger, settings) if good else ""
        others = deployed_otherwise(good, config, ledger, settings) if good else ""
        if good and config and (config == good or Run.get(ledger, config) is None) and not others:
            return skip(request, good, config, ledger)
        kept = replace(kept_model(good, settings), changes=others) if good else None
        if objection := _objection(request, fingerprint, key, kept, last, ledger, settings):
            return objection
        number -= last is not None and status == ""  # it was noted and never came to be
        remark = kept.remark(settings.endpoint_name) if kept else rejudgement(last, settings)
        attempt = Attempt(dataset, key, number, kept, remark)
        answer = launch(request, attempt, ledger, settings)
    return answer


def next_attempt(dataset_name: str, key: str, ledger: Ledger) -> tuple[int, Run | None]:
    """Return the first attempt of the run key that has no record, and the record of the one before it."""
    last = None
    noted = Dataset.get(ledger, dataset_name)
    attempt = noted.attempt if noted and noted.run_key == key else 1
    while run := Run.get(ledger, execution_name(dataset_name, key, attempt)):
        attempt, last = attempt + 1, run
    return attempt, last


def _was_started_on(request: Request, ledger: Ledger) -> bool:
    """Tell whether an execution was started on the very upload that is told of only now, by its event or the sweep."""
    if request.reason not in ("upload", "sweep") or request.modified_at is None:
        return False
    noted = Dataset.get(ledger, request.name)
    return noted is not None and noted.s3_uri == request.s3_uri and (noted.modified_at or "") >= request.modified_at


def last_success(dataset_name: str, key: str, number: int, ledger: Ledger, settings: Settings) -> str:
    """Return the name of the newest attempt before `number` that succeeded, or ""."""
    for earlier in range(number - 1, max(0, number - 1 - _ATTEMPTS_LOOKED_AT), -1):
        run = Run.get(ledger, execution_name(dataset_name, key, earlier))
        if run and _status(run, settings) == RunStatus.SUCCEEDED:
            return run.execution_name
    return ""


def _status(run: Run, settings: Settings) -> str:
    return turns.execution_status(settings, run.execution_name) if run.is_open else run.status


def skip(request: Request, name: str, config: str, ledger: Ledger) -> Answer:
    """Record that nothing has changed since an execution that succeeded, and that its model serves, or one by hand."""
    reason = f"dataset {request.name!r}: data, code and settings are those of {name!r}, which succeeded; nothing to do"
    if config != name:
        reason += f" (the endpoint serves {config!r}, which no execution has made, so it is left alone)"
    Dataset.skip(ledger, request.name, reason)
    return refused(reason, Decision.UNCHANGED)


def _objection(
    request: Request,
    fingerprint: str,
    key: str,
    kept: KeptModel | None,
    last: Run | None,
    ledger: Ledger,
    settings: Settings,
) -> Answer | None:
    """Answer for a run that may cost too much, a model that a person took out of service, or what the clock asks again.

    By the clock, the same data suffice for the first, and what the gate has refused it would refuse again.
    """
    if not (kept and kept.results) and (reason := refuse_dear(request.name, request.s3_uri, ledger, settings)):
        return refused(reason)
    is_asked_by_the_clock = request.reason == "schedule"
    if not request.despite_rollback:
        if bad := withdrawn(request.name, fingerprint, "" if is_asked_by_the_clock else key, Run.all(ledger)):
            return skip_withdrawn(request, bad, ledger)
        if kept and kept.rejected:
            return skip_rejected(request, kept, ledger)
    if not last or not is_asked_by_the_clock or request.force or not is_refused_again(last, ledger, settings):
        return None
    reason = refusal(request.name, last)
    Dataset.skip(ledger, request.name, reason)
    return refused(reason, Decision.UNCHANGED)


def skip_withdrawn(request: Request, bad: Run, ledger: Ledger) -> Answer:
    """Record that the model of this content was rolled back or rejected, so that it does not come again by itself."""
    if bad.rejected_at:
        return _skip_model(request, bad.execution_name, f"rejected at {bad.rejected_at}", ledger)
    again = f", or deploy it again with `deploy.py rollback {bad.execution_name}`"
    return _skip_model(request, bad.execution_name, f"rolled back at {bad.rolled_back_at}", ledger, again)


def skip_rejected(request: Request, kept: KeptModel, ledger: Ledger) -> Answer:
    """Record that the model of this content has served and was rejected since, by a person."""
    again = f", or allow it again with `deploy.py approve {kept.execution_name}`"
    return _skip_model(request, kept.execution_name, kept.rejected, ledger, again)


def _skip_model(request: Request, name: str, what: str, ledger: Ledger, again: str = "") -> Answer:
    reason = (
        f"dataset {request.name!r}: the model of {name!r}, which was trained on the same content, was {what}; upload "
        f"other data, train it again with `deploy.py start {request.name} --force`{again}"
    )
    Dataset.skip(ledger, request.name, reason)
    return refused(reason, Decision.UNCHANGED)


@dataclass(frozen=True)
class Attempt:
    """One attempt of a run key: on what content, and the model that it deploys again, if that is all there is to do."""

    dataset: DatasetRequest
    run_key: str
    number: int
    kept: KeptModel | None = None
    remark: str | None = None  # what is unusual about it

    @property
    def execution_name(self) -> str:
        return execution_name(self.dataset.name, self.run_key, self.number)

    def input(self, reason: str) -> dict[str, Any]:
        """Return the execution's input; with the results of an earlier one the states that gave them are passed by."""
        state: dict[str, Any] = {"Dataset": self.dataset.to_event(), "Trigger": {"Reason": reason}}
        if self.kept and self.kept.results:
            state |= {name: result for name, result in self.kept.results.items() if name != "Dataset"}
            state["Trigger"]["Redeploys"] = self.kept.execution_name
        return state


def launch(request: Request, attempt: Attempt, ledger: Ledger, settings: Settings) -> Answer | None:
    """Take the turn, note the run, then start its execution; its name makes a second start the same execution.

    None means that an execution of this name has ended unnoted; its record says so now.
    """
    name, dataset = attempt.execution_name, attempt.dataset
    holder = turns.take_turn(ledger, settings, name)
    if holder:
        sentence = f"dataset {request.name!r} is queued; it starts when execution {holder!r} has ended"
        other = Run.get(ledger, holder)
        return refused(sentence + (other.approval_words if other else ""), Decision.WAITS)
    redeploys = attempt.kept.judged_by if attempt.kept and attempt.kept.results else None
    run = Run(
        name, status=RunStatus.STARTING, dataset=dataset.name, fingerprint=dataset.fingerprint, started_at=now(),
        remark=attempt.remark, redo_from=request.redoes, redeploys=redeploys,
        judged_by=judged_by(settings),
    )  # fmt: skip
    if not begin(run, attempt.input(request.reason), ledger, settings):
        return _namesake(run, request, ledger, settings)
    noted = Dataset(
        dataset.name, dataset.s3_uri, fingerprint=dataset.fingerprint, run_key=attempt.run_key, attempt=attempt.number,
        execution_name=name, status=RunStatus.RUNNING, modified_at=request.modified_at,
    )  # fmt: skip
    noted.launch(ledger)
    logger.info("execution started", execution_name=name, reason=request.reason, remark=attempt.remark)
    sentence = f"dataset {dataset.name!r}: execution {name!r} started ({request.reason})"
    return Answer(Decision.STARTED, f"{sentence}; {attempt.remark}" if attempt.remark else sentence, name)


def begin(run: Run, state: dict[str, Any], ledger: Ledger, settings: Settings) -> bool:
    """Note the run, whose turn it is, and start its execution; False if there is an execution of its name."""
    run.note(ledger)
    try:
        _start_execution(run.execution_name, state, settings)
    except AwsInUseError:
        return False
    except AwsUnavailableError:  # it may run: who asks again finds out, and meets the turn and the note as its own
        raise
    except RetrieverError:
        Turn.give_back(ledger, run.execution_name)
        run.withdraw(ledger)
        raise
    run.mark_running(ledger)
    return True


def _start_execution(name: str, state: dict[str, Any], settings: Settings) -> None:
    aws.stepfunctions().start_execution(
        stateMachineArn=settings.state_machine_arn, name=name, input=json.dumps(state, sort_keys=True)
    )


def _namesake(run: Run, request: Request, ledger: Ledger, settings: Settings) -> Answer | None:
    """Answer for an execution of this name that is there: it runs, or, with None, its end is noted now."""
    status = turns.execution_status(settings, run.execution_name)
    if status in turns.GOING:
        sentence = f"dataset {request.name!r}: execution {run.execution_name!r} was started before"
        return refused(sentence, Decision.RUNS, run.execution_name)
    run.change(ledger, {"status": status})
    return None
