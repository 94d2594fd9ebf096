"""The messages of the stack's topic."""

from moto.sns.models import sns_backends

from tests.handlers.environment import ACCOUNT, REGION
from tests.handlers.world import World


def published(world: World) -> list[tuple[str | None, str]]:
    """Return subject and text of each message, in order."""
    topic = sns_backends[ACCOUNT][REGION].topics[world.settings.topic_arn]
    return [(subject, message) for _, message, subject, *_ in topic.sent_notifications]
