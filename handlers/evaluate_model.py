"""EvaluateModel: the gate. Without a fresh accuracy of at least the threshold, and evidence, nothing is deployed."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.objects import write
from handlers.contract.errors import DatasetChangedError
from handlers.contract.settings import Settings
from handlers.contract.states import EvaluateModelInput, Evaluation
from handlers.datasets.fingerprint import fingerprint_of
from handlers.datasets.pictures import check_pictures
from handlers.executions.redeployments import serving_config
from handlers.gate.settings import GateSettings
from handlers.gate.verdict import verdict
from handlers.ledger import Ledger
from handlers.training_jobs.evaluations import MEMBER, judge, parsed, read_evaluation

aws.prepare("dynamodb", "s3", "sagemaker")


def check_dataset(step: EvaluateModelInput, bucket_name: str) -> None:
    """Refuse to go on if the pictures are no longer those that were trained on.

    A run of an older version has no record of them, and is held to the whole folder; its staged archive cannot change.

    Raises:
        DatasetChangedError: files were removed or replaced during the run.
    """
    if step.dataset.pictures_s3_uri:
        check_pictures(step.dataset)
        return
    folder = f"s3://{bucket_name}/datasets/{step.dataset.name}/"
    if step.dataset.s3_uri.startswith(f"s3://{bucket_name}/staged/"):
        return
    fingerprint = fingerprint_of(folder)
    if fingerprint != step.dataset.fingerprint:
        raise DatasetChangedError(
            f"dataset {step.dataset.name!r} changed during the run, from fingerprint {step.dataset.fingerprint[:12]} "
            f"to {fingerprint[:12]}; nothing was deployed, upload _SUCCESS to start a run on the new files"
        )


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step = EvaluateModelInput.from_event(event)
    settings, gate = Settings.from_env(), GateSettings.from_env()
    check_dataset(step, settings.bucket_name)
    data = read_evaluation(step.training.output_s3_uri)
    accepted = judge(parsed(data, step.training.output_s3_uri), step, settings.accuracy_threshold)
    evidence = verdict(accepted, serving_config(Ledger(settings), settings), gate, step.dataset.replaces)
    uri = write(settings.bucket_name, f"runs/{step.execution_name}/{MEMBER}", data, "application/json")
    logger.info("model accepted", accuracy=accepted.test_top1, evidence=evidence)
    return Evaluation(
        accuracy=accepted.test_top1,
        threshold=settings.accuracy_threshold,
        num_test_images=accepted.num_test_images,
        evaluation_s3_uri=uri,
        evidence=evidence,
        broke_down_in_epoch=accepted.broke_down_in_epoch or 0,
        served_by=accepted.serving.words if accepted.serving else "",
    ).to_event()
