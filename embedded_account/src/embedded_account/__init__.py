"""An AWS account inside one process on this machine: SageMaker, Lambda, Step Functions and what they need, for real.

info = start(Path(".embedded-account"))
os.environ.update(client_environment(info))
"""

from embedded_account.account_error import AccountError
from embedded_account.control import (
    AccountInfo,
    advance_clock,
    client_environment,
    start,
    status,
    stop,
)
from embedded_account.faults.fault import KINDS
from embedded_account.faults.remote import Faults

__all__ = [
    "KINDS",
    "AccountError",
    "AccountInfo",
    "Faults",
    "advance_clock",
    "client_environment",
    "start",
    "status",
    "stop",
]
