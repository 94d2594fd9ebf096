"""JudgeShadow: what the shadow answered, how fast, and how often it failed, beside the model that serves.

A model that is refused stays the shadow it is until the failure is reported, which puts the endpoint back.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.errors import ShadowRefusedError
from handlers.contract.settings import Settings
from handlers.contract.states import JudgeShadowInput, Verdict
from handlers.endpoints.captured import gathered
from handlers.gate.shadow import ShadowEvidence, shadow_opinion

aws.prepare("s3", "cloudwatch")


def judge(evidence: ShadowEvidence, settings: Settings) -> Verdict:
    """Return the verdict on a shadow that may serve.

    Raises:
        ShadowRefusedError: it did worse than the model that serves.
    """
    opinion = shadow_opinion(evidence, settings)
    if opinion.reasons:
        raise ShadowRefusedError(
            f"{'; '.join(opinion.reasons)}; what served before serves on, look at it with `deploy.py report`, or "
            "allow more by the Shadow parameters of `deploy.py up`"
        )
    return Verdict(
        num_copies=evidence.candidate.num_requests,
        num_compared=evidence.num_compared,
        num_agreeing=evidence.num_agreeing,
        latency_ratio=round(evidence.latency_ratio, 3),
        words="; ".join(opinion.evidence),
    )


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = JudgeShadowInput.from_event(event)
    evidence = gathered(step.shadow)
    logger.info("shadow gathered", evidence=repr(evidence))
    return judge(evidence, Settings.from_env()).to_event()
