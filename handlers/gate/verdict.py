"""The gate's verdict on an evaluation that reached the accuracy threshold."""

from handlers.contract.errors import ModelRejectedError
from handlers.contract.states import JobEvaluation
from handlers.gate.champion import against_champion
from handlers.gate.floors import floors
from handlers.gate.opinion import all_of
from handlers.gate.settings import GateSettings

MAX_EVIDENCE = 2000  # characters; what it is made of names no more than a few of anything


def verdict(evaluation: JobEvaluation, serving: str, settings: GateSettings, replaces: str = "") -> str:
    """Return the evidence for a model, in words; `serving` is the endpoint config that it would replace, or "".

    `replaces` is the dataset of what serves, where that is another one that may go, with its classes.

    Raises:
        ModelRejectedError: with every reason against it, and the evidence.
    """
    opinion = all_of([floors(evaluation, settings), against_champion(evaluation.champion, serving, settings, replaces)])
    evidence = "; ".join(opinion.evidence)[:MAX_EVIDENCE]
    if opinion.reasons:
        known = f" ({evidence})" if evidence else ""
        raise ModelRejectedError(
            f"test accuracy {evaluation.test_top1:.4f} on {evaluation.num_test_images} images, but "
            f"{'; '.join(opinion.reasons)}{known}; nothing was deployed, see `deploy.py report`, add "
            "or correct images, or change the named parameter"
        )
    return evidence
