"""SQS: an attribute that no queue has is refused by its name.

Source: Amazon SQS API reference, CreateQueue and SetQueueAttributes: InvalidAttributeName.
"""

from typing import Any

from embedded_account.account import Account
from embedded_account.data_files import service_model
from embedded_account.errors import ServiceError
from embedded_account.wiring.serving import check


def install(account: Account) -> None:
    """Look at the names of the attributes that queues are to have."""
    check(account, "sqs", dict.fromkeys(("CreateQueue", "SetQueueAttributes"), _check_names))


def _check_names(params: dict[str, Any]) -> None:
    known = service_model("sqs").shape_for("QueueAttributeName").metadata["enum"]
    for name in params.get("Attributes", {}):
        if name not in known:
            raise ServiceError("InvalidAttributeName", f"Unknown Attribute {name}.")
