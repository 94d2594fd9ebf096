"""States and their times, read from an execution's history."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.ledger import Run
from ops.runs.executions import Execution, _states, one_sentence
from ops.runs.status_page import next_steps
from ops.session import Session, answered_at

START = datetime(2026, 1, 1, tzinfo=UTC)


def _events(*kinds: str) -> list[Any]:
    """Return events, one a second: "+X" enters task X, "-X" leaves it, else an event type and, if any, a state."""
    events = []
    for number, kind in enumerate(kinds):
        event: dict[str, Any] = {"id": number + 1, "timestamp": START + timedelta(seconds=number)}
        if kind[0] in "+-":
            event["type"] = "TaskStateEntered" if kind[0] == "+" else "TaskStateExited"
            event["stateEnteredEventDetails" if kind[0] == "+" else "stateExitedEventDetails"] = {"name": kind[1:]}
        else:
            event["type"], _, state = kind.partition(" ")
            event |= {"stateEnteredEventDetails": {"name": state}} if state else {}
        events.append(event)
    return events


def _execution(status: str = "RUNNING", ended_at: datetime | None = None) -> Execution:
    return Execution("arn", "flowers-1", status, START, ended_at, "flowers")


def _read(*kinds: str, **execution: Any) -> list[tuple[str, str]]:
    return [(state.name, state.status) for state in _states(_events(*kinds), _execution(**execution))]


def test_running_state_has_no_end() -> None:
    """The last state that was entered and not left is running."""
    assert _read("ExecutionStarted", "+A", "TaskScheduled", "TaskSucceeded", "-A", "+B") == [
        ("A", "succeeded"),
        ("B", "running"),
    ]


def test_retried_state_succeeds() -> None:
    """A failed attempt that is followed by a good one does not mark the state as failed."""
    assert _read("+A", "TaskScheduled", "TaskFailed", "TaskScheduled", "TaskSucceeded", "-A") == [("A", "succeeded")]


def test_caught_state_failed() -> None:
    """The state whose error was caught is the failed one, not the state that reports it; Fail does no work."""
    kinds = ("+A", "TaskScheduled", "TaskFailed", "-A", "+ReportFailure", "TaskSucceeded", "-ReportFailure")

    end = ("FailStateEntered ExecutionFailed", "ExecutionFailed")
    assert _read(*kinds, *end, status="FAILED", ended_at=START) == [("A", "failed"), ("ReportFailure", "succeeded")]


def test_states_that_only_lead_on_are_not_shown() -> None:
    """A person reads what was done: a choice and what takes its place for want of work are not it."""
    between = ("ChoiceStateEntered C", "ChoiceStateExited", "PassStateEntered P", "PassStateExited")

    assert _read("+A", "TaskSucceeded", "-A", *between, "+B") == [("A", "succeeded"), ("B", "running")]


def test_aborted_execution_ends_its_state() -> None:
    """Nothing goes on running in an execution that was stopped."""
    (state,) = _states(_events("+A", "TaskScheduled"), _execution("ABORTED", START + timedelta(seconds=9)))

    assert (state.status, state.seconds) == ("failed", 9)


@pytest.mark.parametrize(
    ("error", "cause", "sentence"),
    [
        ("E", '{"errorMessage": "no images", "errorType": "E"}', "E: no images"),
        ("E", "job 'x' ended Failed", "E: job 'x' ended Failed"),
        ("States.Timeout", "", "States.Timeout"),
    ],
)
def test_cause_is_put_in_words(error: str, cause: str, sentence: str) -> None:
    """A Lambda's cause is JSON, of which a person wants the message."""
    assert one_sentence(error, cause) == sentence


def test_record_wins_over_the_raw_cause() -> None:
    """The run record has the sentence that was written for people."""
    execution = _execution("FAILED", START)
    execution.error, execution.cause = "E", "raw"

    assert execution.reason == "E: raw"

    execution.record = Run(execution.name, reason="dataset 'flowers': one class")

    assert execution.reason == "dataset 'flowers': one class"


def test_a_running_execution_is_measured_by_aws_clock() -> None:
    """However far this machine's clock is from it, as in an account whose clock was put forward."""
    execution = _execution("RUNNING")
    execution.looked_at = answered_at({"ResponseMetadata": {"HTTPHeaders": {"date": "Thu, 01 Jan 2026 06:15:48 GMT"}}})

    assert execution.seconds == 22_548


def test_a_look_never_comes_before_the_start() -> None:
    """The Date of an answer has no fraction of a second."""
    execution = _execution("RUNNING")
    execution.looked_at = START - timedelta(milliseconds=900)

    assert execution.seconds == 0


def test_a_run_that_serves_no_more_is_deployed_again() -> None:
    """Without an endpoint the next step is the command that deploys its model, not a prediction."""
    execution = _execution("SUCCEEDED")
    execution.dataset = "flowers"
    session = Session("retriever", "us-east-1", "123456789012")

    step = next_steps(session, execution, None)[-1]

    assert step == "deploy its model again, without training: deploy.py start flowers"


def test_jobs_of_a_deployed_model_are_those_that_made_it() -> None:
    """An execution that deploys an earlier one's model shows that one's reports."""
    execution = _execution("SUCCEEDED", START)
    own = execution.training_job_name
    execution.record = Run(execution.name, training_job_name="earlier-1", tuning_job_name="earlier-2")

    assert own == execution.name
    assert (execution.training_job_name, execution.tuning_job_name) == ("earlier-1", "earlier-2")


@pytest.mark.parametrize(
    ("state", "target"),
    [("StartTrainingJob", "training-job"), ("DeployEndpoint", "endpoint"), ("ValidateDataset", "validate-dataset")],
)
def test_next_step_of_a_failure_is_its_log(state: str, target: str) -> None:
    """The command that is suggested shows the log of what failed."""
    execution = _execution("FAILED", START)
    execution.record = Run(execution.name, failed_state=state)
    session = Session("retriever", "us-east-1", "123456789012")

    assert next_steps(session, execution, None)[-1] == f"look closer: deploy.py logs {target}"
