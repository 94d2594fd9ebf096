"""What the page shows of the stack."""

from datetime import UTC, datetime, timedelta

import pytest

from handlers.ledger import Ledger, Run
from ops.prediction import panels
from ops.runs import executions
from ops.session import Session
from ops.stack.stacks import Stack

_OUTPUTS = {"EndpointName": "flowers", "TableName": "flowers-table", "DataBucketName": "flowers-data"}


@pytest.fixture
def stack(session: Session) -> Stack:
    """Give a stack with a table, in which one run waits and one has failed."""
    session.dynamodb.create_table(
        TableName="flowers-table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
    )
    made = Stack("arn:stack", "CREATE_COMPLETE", _OUTPUTS, {})
    ledger: Ledger = executions.ledger(session, made)
    waits = Run(
        "pets-2", status="RUNNING", started_at="2026-11-30T02:00:00", accuracy=0.9, waits_since="2026-11-30T03:00:00",
        waits_until="2026-12-02T03:00:00", evidence="better by 2 points",
    )  # fmt: skip
    failed = Run("pets-1", status="FAILED", started_at="2026-11-30T01:00:00", failed_state="EvaluateModel")
    for run in (failed, waits):
        run.note(ledger)
    return made


def test_runs_models_and_reviews_come_from_the_ledger(session: Session, stack: Stack) -> None:
    """The newest first; what waits comes with its evidence and the command that lets it go on."""
    runs, trained, reviews = (read(session, stack) for read in (panels.runs, panels.trained, panels.reviews))

    assert [row[0] for row in runs.rows] == ["pets-2", "pets-1"]
    assert [row[1] for row in trained.rows] == ["pets-2", "pets-1"]
    assert trained.note == "endpoint: none is deployed"
    assert reviews.rows == [
        ["pets-2", "2026-11-30 03:00 to 2026-12-02 03:00", "0.9000", "better by 2 points",
         "deploy.py approve pets-2 --stack-name flowers"]
    ]  # fmt: skip


def test_load_is_what_callers_got_in_the_last_hour(session: Session, stack: Stack) -> None:
    """Five minutes a row, the newest first; without a prediction a sentence."""
    assert panels.load(session, stack).note == "no prediction in the last hour"
    cloudwatch, now = session.client("cloudwatch"), datetime.now(UTC)
    for minutes, number in ((20, 7), (2, 3)):
        cloudwatch.put_metric_data(
            Namespace="Retriever",
            MetricData=[
                {
                    "MetricName": "Predictions",
                    "Dimensions": [{"Name": "service", "Value": "flowers"}],
                    "Timestamp": now - timedelta(minutes=minutes),
                    "Value": number,
                }
            ],
        )

    assert [row[1] for row in panels.load(session, stack).rows] == ["3", "7"]


def test_every_panel_of_a_stack_has_a_name(session: Session, stack: Stack) -> None:
    """In the page's order."""
    assert list(panels.of_stack(session, stack)) == ["runs", "models", "reviews", "load", "costs"]
