"""What is made of the stack's answer to an upload."""

from dataclasses import replace
from typing import Any

import pytest

from handlers.ledger import Dataset, Pending
from ops.datasets import reactions
from ops.stack.stacks import Stack

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:flowers-pipeline"
STACK = Stack("id", "CREATE_COMPLETE", {"StateMachineArn": MACHINE, "TableName": "table"}, {})

BEFORE = Dataset(
    "flowers", execution_name="flowers-1", sequencer="1", uploaded_at="2026-01-01", skipped_at="2026-01-02"
)
UPLOADED = replace(BEFORE, sequencer="2", uploaded_at="2026-01-03")
SKIPPED = replace(UPLOADED, skipped_at="2026-01-03", skip_reason="the same data")


@pytest.mark.parametrize(
    ("now", "arn", "sentence"),
    [
        ((replace(UPLOADED, execution_name="flowers-2"), None), ":execution:flowers-pipeline:flowers-2", ""),
        ((UPLOADED, Pending("flowers", version=7)), "", "dataset 'flowers' is queued"),
        ((SKIPPED, None), "", "the same data"),
    ],
)
def test_reaction_is_read_from_the_table(now: Any, arn: str, sentence: str) -> None:
    """A new execution, a queued one and a skip are told apart."""
    reaction = reactions._reaction(STACK, "flowers", reactions.Records(BEFORE, None), reactions.Records(*now))

    assert reaction is not None
    assert reaction.execution_arn.endswith(arn)
    assert sentence in reaction.sentence


@pytest.mark.parametrize("latest", [BEFORE, UPLOADED])
def test_reaction_is_none_until_something_was_decided(latest: Dataset) -> None:
    """Neither the item of before the upload nor the noted event says what becomes of it."""
    assert (
        reactions._reaction(STACK, "flowers", reactions.Records(BEFORE, None), reactions.Records(latest, None)) is None
    )
