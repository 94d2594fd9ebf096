"""handlers/aws/notifications.py: what SNS takes as subject and message."""

import pytest
from moto.sns.models import sns_backends

from handlers import aws
from handlers.aws.notifications import MAX_MESSAGE_BYTES, publish, subject_of, tell
from handlers.contract.errors import AwsThrottledError
from tests.handlers.environment import ACCOUNT, REGION


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("retriever: failed pets-1", "retriever: failed pets-1"),
        ("retriever: b\u00e9b\u00e9\n\t1", "retriever: b?b?1"),
        ("r" * 200, "r" * 99),
    ],
)
def test_a_subject_is_what_sns_takes(text: str, subject: str) -> None:
    """Printable ASCII, shorter than 100 characters.

    Source: SNS API reference, Publish.
    """
    assert subject_of(text) == subject


def test_a_message_that_is_too_long_is_cut(world, settings):
    """Between characters, whatever they are."""
    publish(settings, "retriever", "\u00e9" * MAX_MESSAGE_BYTES)

    topic = next(iter(sns_backends[ACCOUNT][REGION].topics.values()))
    assert len(topic.sent_notifications[0][1].encode()) == MAX_MESSAGE_BYTES


def test_a_topic_that_refuses_fails_nothing_else(world, settings, monkeypatch):
    """Whether the message was sent is the answer."""
    assert tell(settings, "retriever", "words") is True

    monkeypatch.setattr(aws.sns(), "publish", _raising(AwsThrottledError("Publish: slower")))

    assert tell(settings, "retriever", "words") is False


def test_a_bug_while_telling_is_raised(world, settings, monkeypatch):
    """Only what AWS refuses is passed over."""
    monkeypatch.setattr(aws.sns(), "publish", _raising(KeyError("TopicArn")))

    with pytest.raises(KeyError, match="TopicArn"):
        tell(settings, "retriever", "words")


def _raising(failure):
    def refuse(**_):
        raise failure

    return refuse
