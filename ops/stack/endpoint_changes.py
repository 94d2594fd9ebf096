"""Parameters of the endpoint that were changed: it takes them with a deployment, which `up` is not."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from handlers.contract.bearing import of_endpoint
from handlers.contract.combinations import parameter_name
from ops.session import Session
from ops.stack import endpoints
from ops.stack.stacks import Stack

_TAKEN = {parameter_name(name) for name in of_endpoint()}  # of another name former_endpoints.py tells


def sentences(session: Session, stack: Stack, changed: Collection[str]) -> list[str]:
    """Return what brings the changed parameters to the endpoint that serves now; nothing where none does."""
    names = sorted(_TAKEN & set(changed))
    endpoint, run = endpoints.serving(session, stack) if names else (None, None)
    if endpoint is None or run is None or not run.dataset:
        return []
    now = f"`deploy.py start {shlex.quote(run.dataset)}{session.flags}`"
    return [
        f"endpoint {endpoint.name!r} takes {', '.join(names)} with its next deployment; now, without training: {now}"
    ]
