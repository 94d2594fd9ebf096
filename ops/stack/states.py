"""What `up` and `down` do first with a stack, for every status that CloudFormation knows.

Source: CloudFormation user guide, "View stack status codes" and "Stack failure options".
"""

from __future__ import annotations

from enum import Enum


class Step(Enum):
    """What comes next on the way to a stack that can be changed, or that is gone."""

    CREATE = "create it"
    UPDATE = "update it"
    WAIT = "wait until the change that is under way has ended"
    CONTINUE_ROLLBACK = "continue the rollback that failed"
    ROLL_BACK = "roll the failed update back"
    DELETE = "delete it"
    REFUSE = "leave it alone"


_UP = {
    "REVIEW_IN_PROGRESS": Step.CREATE,
    "DELETE_COMPLETE": Step.CREATE,
    "CREATE_COMPLETE": Step.UPDATE,
    "UPDATE_COMPLETE": Step.UPDATE,
    "UPDATE_ROLLBACK_COMPLETE": Step.UPDATE,
    "IMPORT_COMPLETE": Step.UPDATE,
    "IMPORT_ROLLBACK_COMPLETE": Step.UPDATE,
    # Never created, or about to be deleted: there is nothing to keep, and nothing else is allowed.
    "CREATE_FAILED": Step.DELETE,
    "ROLLBACK_COMPLETE": Step.DELETE,
    "ROLLBACK_FAILED": Step.DELETE,
    "DELETE_FAILED": Step.DELETE,
    "UPDATE_FAILED": Step.ROLL_BACK,
    "UPDATE_ROLLBACK_FAILED": Step.CONTINUE_ROLLBACK,
    # It holds resources that work, and CloudFormation lets it be deleted only: a person decides.
    "IMPORT_ROLLBACK_FAILED": Step.REFUSE,
    **dict.fromkeys(
        (
            "CREATE_IN_PROGRESS",
            "ROLLBACK_IN_PROGRESS",
            "DELETE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            "IMPORT_IN_PROGRESS",
            "IMPORT_ROLLBACK_IN_PROGRESS",
        ),
        Step.WAIT,
    ),
}


def for_up(status: str) -> Step:
    """Return what `up` does first with a stack of this status; one that is not known is left alone."""
    return _UP.get(status, Step.REFUSE)


def for_down(status: str) -> Step:
    """Return what `down` does first: whatever is not under way can be deleted."""
    return Step.WAIT if for_up(status) is Step.WAIT else Step.DELETE


def is_new(status: str) -> bool:
    """Tell whether `up` creates the stack, so that no value of an earlier one is kept."""
    return for_up(status) in {Step.CREATE, Step.DELETE}
