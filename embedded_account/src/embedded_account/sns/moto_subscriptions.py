"""SNS: a subscription delivers only where it may, and to functions as SNS does."""

from collections.abc import Callable, Mapping
from typing import Any

from embedded_account.wiring.replacement import replace


def install(is_allowed: Callable[[str, str, str], bool], invoke: Callable[[str, str, Mapping[str, Any]], None]) -> None:
    """Ask `is_allowed(topic ARN, protocol, endpoint)` before each delivery; functions are reached by `invoke`."""
    from moto.sns.models import Subscription

    for name in ("_parse_message_structure", "get_post_data"):
        assert hasattr(Subscription, name), f"Subscription.{name} is gone; was moto upgraded?"

    def publish(
        self: Any,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        if not is_allowed(self.topic.arn, self.protocol, self.endpoint):
            return
        if self.protocol != "lambda":
            original(
                self,
                message,
                message_id,
                subject,
                message_attributes,
                group_id,
                deduplication_id,
                message_structure,
            )
            return
        if message_structure == "json":
            message = self._parse_message_structure(message, self.protocol)
        notification = self.get_post_data(message, message_id, subject, message_attributes=message_attributes)
        invoke(self.endpoint, self.arn, notification)

    parameters = (
        "self",
        "message",
        "message_id",
        "subject",
        "message_attributes",
        "group_id",
        "deduplication_id",
        "message_structure",
    )
    original = replace(Subscription, "publish", publish, parameters=parameters)
