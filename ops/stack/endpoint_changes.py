"""Parameters of the endpoint that were changed: it takes them with a deployment, which `up` is not."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from handlers.contract.bearing import BEARING
from handlers.contract.combinations import parameter_name
from handlers.ledger import Ledger, Run
from ops.session import Session
from ops.stack import endpoints
from ops.stack.stacks import Stack

_TAKEN = {parameter_name(name) for state in ("DeployEndpoint", "RegisterScaling") for name in BEARING[state]} - {
    "EndpointName"
}  # of which former_endpoints.py tells


def sentences(session: Session, stack: Stack, changed: Collection[str]) -> list[str]:
    """Return what brings the changed parameters to the endpoint that serves now; nothing where none does."""
    names = sorted(_TAKEN & set(changed))
    endpoint = endpoints.find(session, stack.output("EndpointName")) if names else None
    if endpoint is None or endpoint.status in endpoints.SERVES_NOTHING:
        return []
    run = Run.get(Ledger(stack, client=session.dynamodb), endpoint.config_name)
    if run is None or not run.dataset:
        return []
    now = f"`deploy.py start {shlex.quote(run.dataset)}{session.flags}`"
    return [
        f"endpoint {endpoint.name!r} takes {', '.join(names)} with its next deployment; now, without training: {now}"
    ]
