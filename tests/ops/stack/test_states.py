"""What up and down do with a stack in each of CloudFormation's statuses."""

import gzip
import json
from pathlib import Path

import botocore
import pytest

from ops.stack import states
from ops.stack.states import Step

_MODEL = Path(botocore.__file__).parent / "data" / "cloudformation" / "2010-05-15" / "service-2.json.gz"
STATUSES: list[str] = json.loads(gzip.decompress(_MODEL.read_bytes()))["shapes"]["StackStatus"]["enum"]
STEPS = {
    "CREATE_IN_PROGRESS": Step.WAIT,
    "CREATE_FAILED": Step.DELETE,
    "CREATE_COMPLETE": Step.UPDATE,
    "ROLLBACK_IN_PROGRESS": Step.WAIT,
    "ROLLBACK_FAILED": Step.DELETE,
    "ROLLBACK_COMPLETE": Step.DELETE,
    "DELETE_IN_PROGRESS": Step.WAIT,
    "DELETE_FAILED": Step.DELETE,
    "DELETE_COMPLETE": Step.CREATE,
    "UPDATE_IN_PROGRESS": Step.WAIT,
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": Step.WAIT,
    "UPDATE_COMPLETE": Step.UPDATE,
    "UPDATE_FAILED": Step.ROLL_BACK,
    "UPDATE_ROLLBACK_IN_PROGRESS": Step.WAIT,
    "UPDATE_ROLLBACK_FAILED": Step.CONTINUE_ROLLBACK,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": Step.WAIT,
    "UPDATE_ROLLBACK_COMPLETE": Step.UPDATE,
    "REVIEW_IN_PROGRESS": Step.CREATE,
    "IMPORT_IN_PROGRESS": Step.WAIT,
    "IMPORT_COMPLETE": Step.UPDATE,
    "IMPORT_ROLLBACK_IN_PROGRESS": Step.WAIT,
    "IMPORT_ROLLBACK_FAILED": Step.REFUSE,
    "IMPORT_ROLLBACK_COMPLETE": Step.UPDATE,
}


@pytest.mark.parametrize("status", STATUSES)
def test_up_has_a_step_for_every_status(status: str) -> None:
    """No status of botocore's model is forgotten, and each leads where CloudFormation lets it lead."""
    assert states.for_up(status) is STEPS[status]


@pytest.mark.parametrize("status", STATUSES)
def test_down_deletes_in_every_status_but_while_busy(status: str) -> None:
    """DeleteStack is refused while a change is under way, and in no other status."""
    is_busy = status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"

    assert states.for_down(status) is (Step.WAIT if is_busy else Step.DELETE)


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_stack_that_lives_keeps_its_values(status: str) -> None:
    """Parameters of a stack that is deleted first must not be asked of its successor."""
    assert states.is_new(status) is (STEPS[status] in {Step.CREATE, Step.DELETE})


def test_a_status_of_tomorrow_is_left_alone() -> None:
    """What AWS may add is not changed by guesswork."""
    assert states.for_up("PAUSED") is Step.REFUSE
