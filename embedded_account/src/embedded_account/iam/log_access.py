"""Whether a role may write the log of what runs as it; without the permission the lines are lost, as on AWS."""

import logging

from embedded_account.account import Account
from embedded_account.iam.permissions import Permissions

logger = logging.getLogger("embedded_account.iam")


class LogAccess:
    """The right of one session of a role to one log stream."""

    def __init__(self, account: Account, role_arn: str, session_name: str, group: str, stream: str) -> None:
        self._permissions = account.singleton(Permissions)
        self._session = (role_arn, session_name)
        self._group_arn = f"arn:aws:logs:{account.region}:{account.account_id}:log-group:{group}:log-stream:"
        self._stream = stream
        self._has_begun = False
        self._has_warned = False

    def allows(self, *beginning: str) -> bool:
        """Return whether lines may be put now; at the first call the actions of `beginning` are needed as well.

        Those are CreateLogStream, and what else the service does before the first line, such as CreateLogGroup.
        """
        try:
            if not self._has_begun:
                for action in beginning:
                    is_of_stream = action == "CreateLogStream"
                    self._require(action, self._group_arn + (self._stream if is_of_stream else ""))
                self._has_begun = True
            self._require("PutLogEvents", self._group_arn + self._stream)
        except PermissionError as refusal:
            if not self._has_warned:
                logger.warning("a log is lost: %s", refusal)
            self._has_warned = True
            return False
        return True

    def _require(self, action: str, resource: str) -> None:
        self._permissions.require_of_role(*self._session, f"logs:{action}", resource)
