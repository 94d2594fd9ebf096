"""Before an upload: would its model take the place of another dataset's, and may it?"""

from __future__ import annotations

from handlers.contract.replacement import may_replace, refusal
from ops.errors import UploadError
from ops.session import Session
from ops.stack import endpoints
from ops.stack.stacks import Stack


def require_allowed(session: Session, stack: Stack, dataset: str) -> None:
    """Say before anything is sent what its run would end with at once.

    Raises:
        UploadError: another dataset's model serves, and ReplaceDataset does not say that this one's may.
    """
    endpoint, run = endpoints.serving(session, stack)
    if endpoint is None or run is None:
        return
    serving = run.dataset or ""
    if not may_replace(dataset, serving, stack.parameters.get("ReplaceDataset", "")):
        again = "; nothing was uploaded"
        raise UploadError(refusal(dataset, serving, endpoint.name, session.flags, then="the same upload") + again)
