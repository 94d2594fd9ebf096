"""SageMaker's card of a run's model: made with the package, and of a status that follows the package's.

No run depends on it: where the account, a policy or the region refuses the card, the words say why.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.objects import read, split_uri
from handlers.contract.errors import AwsError, AwsInUseError, RetrieverError
from handlers.contract.json_bounds import bounded_json
from handlers.contract.names import model_card_name
from handlers.contract.settings import Settings
from handlers.contract.states import JobEvaluation, RegisterModelInput
from handlers.executions.redeployments import package_of
from handlers.training_jobs.card_content import content
from handlers.training_jobs.evaluations import MAX_EVALUATION_BYTES, MAX_MEMORY_BYTES
from handlers.training_jobs.jobs import tags
from handlers.training_jobs.provenance import Stored

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import ModelCardStatusType

_STATUSES: Mapping[str, "ModelCardStatusType"] = {
    "PendingManualApproval": "PendingReview",
    "Approved": "Approved",
    "Rejected": "Archived",
}


def keep(step: RegisterModelInput, settings: Settings, model_package_arn: str, provenance: Stored) -> str:
    """Make the card, or bring the one of an earlier try up to date; return its name, or why there is none."""
    name = model_card_name(step.execution_name)
    try:
        text = content(step, settings, _evaluation_of(step), model_package_arn, provenance)
        _write(name, text, step, settings)
    except (RetrieverError, ValueError) as error:  # of pydantic too; the model is registered, and that is what counts
        logger.exception("the model card was not made", model_card_name=name)
        return f"not made: {error}"
    return name


def _evaluation_of(step: RegisterModelInput) -> JobEvaluation:
    data = read(*split_uri(step.evaluation.evaluation_s3_uri), MAX_EVALUATION_BYTES)
    return JobEvaluation.model_validate(bounded_json(data, MAX_MEMORY_BYTES))


def _write(name: str, text: str, step: RegisterModelInput, settings: Settings) -> None:
    client = aws.sagemaker_briefly()
    own: Any = tags(settings, step.execution_name, step.dataset)
    try:
        client.create_model_card(ModelCardName=name, Content=text, ModelCardStatus="PendingReview", Tags=own)
    except AwsInUseError:
        if json.loads(client.describe_model_card(ModelCardName=name)["Content"]) != json.loads(text):
            client.update_model_card(ModelCardName=name, Content=text)


def follow(model_package_arn: str) -> None:
    """Give the card of a model package the status that the package has; a card that is not there stays so."""
    client = aws.sagemaker_briefly()
    try:
        package = package_of(model_package_arn)
        run = package.get("CustomerMetadataProperties", {}).get("Execution", "")
        wanted = _STATUSES.get(package.get("ModelApprovalStatus", ""))
        if not run or wanted is None:
            return
        name = model_card_name(run)
        if client.describe_model_card(ModelCardName=name)["ModelCardStatus"] != wanted:
            client.update_model_card(ModelCardName=name, ModelCardStatus=wanted)
    except AwsError as error:
        logger.warning("the model card does not follow", model_package_arn=model_package_arn, reason=str(error))
