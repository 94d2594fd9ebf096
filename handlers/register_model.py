"""RegisterModel: say where the accepted model came from, and add it to the model package group with its metrics."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from datasets.limits import CONTENT_TYPES
from handlers import aws
from handlers.aws.logs import logger
from handlers.contract.names import client_token, tag_value
from handlers.contract.settings import Settings
from handlers.contract.states import RegisteredModel, RegisterModelInput
from handlers.endpoints.containers import container
from handlers.executions import model_cards
from handlers.executions.finished import package_work, registered
from handlers.ledger import Ledger, Work
from handlers.ledger.work import Begun
from handlers.training_jobs.provenance import Stored, keep, sha256_of

aws.prepare("dynamodb", "s3", "sagemaker")


def model_package_request(step: RegisterModelInput, settings: Settings, provenance: Stored) -> dict[str, Any]:
    """Return the CreateModelPackage request; its token makes a retried state meet its own version.

    A person approves it where ApprovalRequired says so, else the report, once its model was deployed and checked: an
    execution that ends before leaves none that someone takes for good.

    A versioned package takes no tags: lineage is in its customer metadata.
    """
    evaluation = {"ContentType": "application/json", "S3Uri": step.evaluation.evaluation_s3_uri}
    return {
        "ModelPackageGroupName": settings.model_package_group_name,
        "ModelPackageDescription": f"{settings.model_name}, test accuracy {step.evaluation.accuracy:.4f}, "
        f"execution {step.execution_name}",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [container(settings, step.training.model_data_url)],
            "SupportedContentTypes": [*sorted(set(CONTENT_TYPES.values())), "application/x-image", "application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": [settings.endpoint_instance_type],
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": evaluation}},
        "CustomerMetadataProperties": _lineage(step) | {"ProvenanceSha256": provenance.sha256},
        "ClientToken": client_token(step.execution_name),
    }


def _lineage(step: RegisterModelInput) -> dict[str, str]:
    """Return what the package was made from, in the characters that SageMaker takes, those of a tag."""
    values = {
        "Execution": step.execution_name,
        "Dataset": step.dataset.name,
        "DatasetFingerprint": step.dataset.fingerprint,
        "TuningJob": step.tuning.tuning_job_name,
        "TrainingJob": step.training.training_job_name,
        "Accuracy": str(step.evaluation.accuracy),
        "NumTestImages": str(step.evaluation.num_test_images),
    }
    return {name: tag_value(value) for name, value in values.items()}


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = RegisterModelInput.from_event(event)
    settings = Settings.from_env()
    ledger = Ledger(settings)
    digests = [sha256_of(uri) for uri in (step.training.model_data_url, step.evaluation.evaluation_s3_uri)]
    work = package_work(step, settings, digests)
    seconds = settings.approval_timeout_hours * 3600 if settings.approval_required == "true" else 0
    if arn := registered(work, step, ledger):
        return RegisteredModel(model_package_arn=arn, approval_seconds=seconds).to_event()
    provenance = keep(step, settings, *digests)
    package = aws.sagemaker().create_model_package(**model_package_request(step, settings, provenance))
    arn = package["ModelPackageArn"]
    Work.note(ledger, work, Begun(arn, step.execution_name))
    card = model_cards.keep(step, settings, arn, provenance)
    logger.info("model registered", model_package_arn=arn, model_card=card)
    return RegisteredModel(model_package_arn=arn, approval_seconds=seconds, model_card=card).to_event()
