"""Parameters of the endpoint that were changed: it takes them with a deployment, which `up` is not."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from handlers.contract.bearing import of_endpoint
from handlers.contract.combinations import parameter_name
from ops.session import Session
from ops.stack import endpoints
from ops.stack.endpoints import EndpointState
from ops.stack.stacks import Stack

_COUNT = "EndpointInstanceCount"
_TAKEN = {parameter_name(name) for name in of_endpoint()}  # of another name former_endpoints.py tells


def sentences(session: Session, stack: Stack, changed: Collection[str]) -> list[str]:
    """Return what brings the changed parameters to the endpoint that serves now; nothing where none does."""
    names = sorted(_TAKEN & set(changed))
    is_counted = _COUNT in changed and stack.parameters.get("EndpointKind") != "serverless"
    endpoint, run = endpoints.serving(session, stack) if names or is_counted else (None, None)
    if endpoint is None or run is None or not run.dataset:
        return []
    now = f"`deploy.py start {shlex.quote(run.dataset)}{session.flags}`"
    taken = (
        f"endpoint {endpoint.name!r} takes {', '.join(names)} with its next deployment; now, without training: {now}"
    )
    return [*([_kept_count(endpoint, stack, session.flags, now)] if is_counted else []), *([taken] if names else [])]


def _kept_count(endpoint: EndpointState, stack: Stack, flags: str, now: str) -> str:
    """Return what a changed count does: nothing to an endpoint that is there, whose count is autoscaling's."""
    least, most = (stack.parameters.get(f"Scaling{end}Instances", "?") for end in ("Min", "Max"))
    return (
        f"endpoint {endpoint.name!r} keeps its {endpoint.num_instances} instances: {_COUNT} is a new endpoint's, and"
        f" autoscaling goes from {least} to {most}; for more at all times `deploy.py up --parameter"
        f" ScalingMinInstances=N{flags}` and then {now}"
    )
