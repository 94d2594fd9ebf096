"""The stack's notification topic: one message to whoever subscribed."""

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import RetrieverError
from handlers.contract.settings import Settings

MAX_SUBJECT_CHARACTERS = 99  # "less than 100 characters long"
MAX_MESSAGE_BYTES = 200_000  # SNS takes 256 KiB


def publish(settings: Settings, subject: str, message: str) -> None:
    """Send a message; its subject is reduced to what SNS takes, and a message that is too long is cut.

    Source: SNS API reference, Publish: a subject is ASCII without control characters, shorter than 100 characters.
    """
    text = message.encode()[:MAX_MESSAGE_BYTES].decode(errors="ignore")
    aws.sns().publish(TopicArn=settings.topic_arn, Subject=subject_of(subject), Message=text)


def tell(settings: Settings, subject: str, message: str) -> bool:
    """Send a message for whose sake nothing else may fail; return whether it was sent, and log why it was not."""
    try:
        publish(settings, subject, message)
    except RetrieverError:
        logger.exception("the notification was not sent")
        return False
    return True


def subject_of(text: str) -> str:
    """Return `text` as the subject of a mail."""
    ascii_only = text.encode("ascii", "replace").decode()
    return "".join(c for c in ascii_only if c.isprintable())[:MAX_SUBJECT_CHARACTERS]
