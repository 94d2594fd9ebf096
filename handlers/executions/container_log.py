"""Why a container did not start: the sentence in its log, since SageMaker's own reason only points there."""

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import AwsError

_OPENING = "golden picture '"
_MAX_CHARACTERS = 600


def golden_sentence(endpoint_name: str, since: int) -> str:
    """Return which golden picture a container refused to serve for, of those since `since` (Unix time), or "".

    The log may come late or be gone, and no outcome depends on it.
    """
    try:
        events = aws.cloudwatch_logs().filter_log_events(
            logGroupName=f"/aws/sagemaker/Endpoints/{endpoint_name}",
            filterPattern='"golden picture"',
            startTime=1000 * since,
        )["events"]
    except AwsError:
        logger.exception("the container's log was not read", endpoint_name=endpoint_name)
        return ""
    return sentence_of([event.get("message", "") for event in events])


def sentence_of(lines: list[str]) -> str:
    """Return the sentence of the last of `lines` that has one, without what a model server puts before it."""
    refusals = [line.partition(_OPENING)[1:] for line in lines if _OPENING in line]
    return " ".join("".join(refusals[-1]).split())[:_MAX_CHARACTERS] if refusals else ""
