"""Endpoints under which the stack's models served before EndpointName was changed: they go on, and are billed."""

from __future__ import annotations

from botocore.exceptions import ClientError

from handlers.ledger import Ledger, Serving
from ops.errors import error_code
from ops.session import Session
from ops.stack import endpoints
from ops.stack.stacks import Stack

_GONE = {"ResourceNotFoundException"}


def names(session: Session, stack: Stack) -> set[str]:
    """Return the names under which models of the stack have served, as its table knows them."""
    if "TableName" not in stack.outputs:
        return set()
    try:
        served = {row.endpoint_name for row in Serving.all(Ledger(stack, client=session.dynamodb))}
    except ClientError as error:
        if error_code(error) in _GONE:
            return set()
        raise
    return served - {stack.outputs.get("EndpointName", "")}


def sentences(session: Session, stack: Stack) -> list[str]:
    """Return of each that is still there what it is, and what to do."""
    listed = {name: endpoints.find(session, name) for name in sorted(names(session, stack))}
    return [
        f"endpoint {name!r}, the stack's former one, is {state.status} with {state.capacity}, which is"
        f" billed: deploy its model under the new name with `deploy.py start DATASET{session.flags}`, without training,"
        f" then run `aws sagemaker delete-endpoint --endpoint-name {name}`; `deploy.py down` removes it too"
        for name, state in listed.items()
        if state is not None and endpoints.owner(session, name) == session.stack_name
    ]
