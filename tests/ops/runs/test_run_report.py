"""What the page of a run tells, gathered."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.ledger import Run
from ops.runs import run_report
from ops.runs.executions import Execution, StateProgress
from ops.session import Session
from ops.stack.stacks import Stack

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_OUTPUTS = {"EndpointName": "flowers", "DataBucketName": "flowers-data", "TableName": "flowers-table"}
_STACK = Stack("arn:stack", "CREATE_COMPLETE", _OUTPUTS, {})


def _execution(**changes: object) -> Execution:
    states = [
        StateProgress("ValidateDataset", _BEGAN, _BEGAN + timedelta(seconds=1)),
        StateProgress("StartTrainingJob", _BEGAN + timedelta(seconds=1), _BEGAN + timedelta(seconds=9), failed=True),
    ]
    run = Run("pets-1", accuracy=0.5, dollars=0.12, data=["9 pictures", "nothing was found"], evidence="too few",
              judged_by={"AccuracyThreshold": 0.9, "CriticalClasses": ""})  # fmt: skip
    known = {
        "arn": "arn:pets-1", "name": "pets-1", "status": "FAILED", "started_at": _BEGAN,
        "ended_at": _BEGAN + timedelta(seconds=9), "dataset": "pets", "states": states, "record": run,
    }  # fmt: skip
    return Execution(**(known | changes))  # type: ignore[arg-type]


@pytest.fixture
def stack(session: Session) -> Stack:
    """Give a stack whose bucket and table are there and empty."""
    session.s3.create_bucket(Bucket="flowers-data")
    session.dynamodb.create_table(
        TableName="flowers-table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
    )
    return _STACK


def test_every_row_stands_under_its_subject(session: Session, stack: Stack) -> None:
    """Data, gate and the rest have sections; what belongs to none is the result."""
    page = run_report.page_of(session, stack, _execution(), {"Training": "training-report.html"})

    assert page.sections["Data"] == {"data": "9 pictures", "data 2": "nothing was found"}
    assert page.sections["Gate"] == {"evidence": "too few", "AccuracyThreshold": "0.9"}
    assert "has no provenance.json" in page.sections["Lineage"]["statement"]
    assert (page.tiles["Jobs cost"], page.tiles["Took"]) == ("$0.12", "9.0 s")
    assert [finding.text for finding in page.findings] == ["test accuracy: 0.5000", "reason: FAILED"]
    assert page.links == {"Training": "training-report.html"}


def test_states_without_jobs_of_their_own_have_a_bar(session: Session) -> None:
    """A job that was found is another run's; the state that found it stays, and a failure is one."""
    assert [(bar.name, bar.status, bar.seconds) for bar in run_report.bars(session, _execution())] == [
        ("ValidateDataset", "succeeded", 1.0),
        ("StartTrainingJob", "failed", 8.0),
    ]


def test_the_page_of_a_run_is_written_whatever_is_missing(session: Session, stack: Stack, tmp_path: Path) -> None:
    """A run without a record or a state has a page that says so."""
    path = run_report.write(session, stack, _execution(record=None, states=[], status="RUNNING"), tmp_path, {})

    assert path.name == "run.html"
    assert "No state has begun yet." in path.read_text()
