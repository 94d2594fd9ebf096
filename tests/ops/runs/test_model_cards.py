"""ops/runs/model_cards.py: what is said of the card of a run's model."""

from embedded_account import Faults
from handlers.ledger import Run
from ops.runs.model_cards import refusal, words
from ops.session import Session


def test_a_card_is_told_with_its_status(local_session: Session, faults: Faults) -> None:
    """Or why there is none; who may not look at it is told that."""
    name = f"{local_session.stack_name}-card"
    run, refused = Run(name, model_card=name), Run("pets-1", model_card="not made: CreateModelCard: AccessDenied")
    local_session.sagemaker.create_model_card(ModelCardName=name, Content="{}", ModelCardStatus="PendingReview")

    assert words(local_session, run) == f"{name}, version 1, PendingReview"
    assert words(local_session, refused) == "not made: CreateModelCard: AccessDenied"
    assert words(local_session, Run("pets-2")) == "there is none"
    assert (refusal(run), refusal(refused)) == ("", refused.model_card)
    code = {"code": "AccessDeniedException", "status": 403}
    faults.add("error", service="sagemaker", operation="DescribeModelCard", **code)
    assert words(local_session, run) == f"{name}; it cannot be looked at: AccessDeniedException"
