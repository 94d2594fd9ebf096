"""SageMaker's card of a run's model, as a person finds it."""

from __future__ import annotations

from botocore.exceptions import ClientError

from handlers.contract.names import model_card_name
from handlers.ledger import Run
from ops.errors import NOT_OFFERED, error_code, unless_gone
from ops.session import Session


def words(session: Session, run: Run) -> str:
    """Return name, version and status of the card of the model that a run has registered, or why there is none."""
    name = model_card_name(run.execution_name)
    try:
        card = unless_gone(session.sagemaker.describe_model_card, ModelCardName=name)
    except ClientError as error:
        if error_code(error) not in NOT_OFFERED:
            raise
        return f"{run.model_card or name}; it cannot be looked at: {error_code(error)}"
    if card is None:
        return refusal(run) or "there is none"
    return f"{name}, version {card['ModelCardVersion']}, {card['ModelCardStatus']}"


def refusal(run: Run) -> str:
    """Return why a run's model has no card, or "" if it has one, or none was to be made."""
    return run.model_card if run.model_card and run.model_card != model_card_name(run.execution_name) else ""
