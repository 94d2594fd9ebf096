"""S3: a bucket notifies queues, topics and functions that are there and let it.

Source: Amazon S3 user guide, "Granting permissions to publish event notification messages to a destination"; S3 API
reference, PutBucketNotificationConfiguration: x-amz-skip-destination-validation.
"""

from typing import Any

from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.identity import Principal
from embedded_account.wiring.replacement import replace

_SKIPS = "x-amz-skip-destination-validation"
# kind of destination -> what S3 does there
_ACTIONS = {"Queue": "sqs:SendMessage", "Topic": "sns:Publish", "CloudFunction": "lambda:InvokeFunction"}


class DestinationError(S3ClientError):
    """A destination that S3 could not send to."""

    def __init__(self, refusal: str) -> None:
        super().__init__("InvalidArgument", f"Unable to validate the following destination configurations: {refusal}")


def install(account: Account) -> None:
    """Look at each destination that a bucket is given; what is not there lets nobody in."""

    def notification_config_from_body(self: Any) -> dict[str, Any]:
        configuration: dict[str, Any] = original(self)
        if str(self.headers.get(_SKIPS, "")).lower() != "true":
            for kind, action in _ACTIONS.items():
                for one in configuration.get(f"{kind}Configuration", []):
                    _require(account, self.bucket_name, action, one[kind])
        return configuration

    original = replace(
        S3Response, "_notification_config_from_body", notification_config_from_body, parameters=("self",)
    )


def _require(account: Account, bucket_name: str, action: str, arn: str) -> None:
    """Return when S3 may send to `arn` for the bucket.

    Raises:
        DestinationError: it may not.
    """
    sender = Principal("", "", "s3.amazonaws.com", f"arn:aws:s3:::{bucket_name}")
    try:
        account.require_access(sender, action, arn, {})
    except ServiceError as refusal:
        raise DestinationError(refusal.message) from refusal
