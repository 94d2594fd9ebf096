"""One execution at a time: whose turn it is, as the ledger says and Step Functions knows."""

import time

from handlers import aws
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.settings import Settings
from handlers.ledger import Ledger, Turn

GOING = ("RUNNING", "PENDING_REDRIVE")
_STARTING_SECONDS = 900  # a holder whose execution never appeared: no Lambda lives longer


def execution_status(settings: Settings, execution_name: str) -> str:
    """Return the status of an execution, or "" if there is none of that name."""
    try:
        return aws.stepfunctions().describe_execution(executionArn=settings.execution_arn(execution_name))["status"]
    except AwsNotFoundError:
        return ""


def take_turn(ledger: Ledger, settings: Settings, execution_name: str) -> str:
    """Take the turn for an execution; return "", or the name of the execution that has it.

    A turn that its execution did not give back, because the event of its end was lost, is taken over.
    """
    while not Turn.take(ledger, execution_name):
        holder = Turn.holder(ledger)
        if holder is None:  # given back just now
            continue
        taken_over = _is_over(settings, holder) and holder.take_over(ledger, execution_name)
        return "" if taken_over else holder.execution_name
    return ""


def turn_is_free(ledger: Ledger, settings: Settings) -> bool:
    holder = Turn.holder(ledger)
    return holder is None or _is_over(settings, holder)


def _is_over(settings: Settings, holder: Turn) -> bool:
    status = execution_status(settings, holder.execution_name)
    if status:
        return status not in GOING
    return time.time() - holder.taken_at > _STARTING_SECONDS
