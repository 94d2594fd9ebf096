"""UnpackArchive: put an archive's files into the bucket, in this function or, where that takes long, by a job."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers import aws
from handlers.aws.logs import logger
from handlers.aws.objects import S3Object
from handlers.contract.names import unpacking_job_name
from handlers.contract.settings import Settings
from handlers.contract.states import UnpackArchiveInput, Unpacking
from handlers.datasets.opening import check_names, open_archive
from handlers.datasets.staging import StagedFolder, set_aside, unpack
from handlers.executions.outcomes import Succeeded
from handlers.executions.waiting import answer, start, token_of
from handlers.ledger import Ledger
from handlers.training_jobs.jobs import algorithm, script, spot, tags, toolkit_value

aws.prepare("dynamodb", "s3", "sagemaker", "stepfunctions")

_SECONDS_TO_START_A_JOB = 60
_VOLUME_GB = 30  # the archive is read through ranges, so none of it lies there


def unpacking_job_request(step: UnpackArchiveInput, etag: str, settings: Settings) -> dict[str, Any]:
    """Return the CreateTrainingJob request of the job that unpacks the archive; it goes on with what is there."""
    folder = StagedFolder.of(settings.bucket_name, step.dataset).s3_uri
    values = {"archive_s3_uri": step.dataset.s3_uri, "archive_etag": etag, "folder_s3_uri": folder}
    return {
        "TrainingJobName": unpacking_job_name(step.execution_name),
        "RoleArn": settings.unpacking_role_arn,
        "AlgorithmSpecification": algorithm(settings, metrics=False),
        "HyperParameters": script(settings, "training/unpack.py")
        | {name: toolkit_value(value) for name, value in values.items()},
        "OutputDataConfig": {"S3OutputPath": f"{folder.removesuffix('/')}-job"},
        "ResourceConfig": {
            "InstanceType": settings.training_instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": _VOLUME_GB,
        },
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        **spot(settings, settings.training_max_runtime_seconds),
        "Tags": tags(settings, step.execution_name, step.dataset),
    }


def unpacked_here(archive: S3Object, folder: StagedFolder, seconds: float, settings: Settings) -> bool:
    """Tell whether all of the archive is there, after unpacking it where it is small enough for a function."""
    if set_aside(folder) is not None:
        return True
    return archive.size <= settings.unpack_function_mb * 10**6 and unpack(archive, folder, seconds)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    step, settings = UnpackArchiveInput.from_event(event), Settings.from_env()
    check_names(step.execution_name, step.dataset)
    archive = open_archive(step.dataset)
    folder = StagedFolder.of(settings.bucket_name, step.dataset)
    seconds = context.get_remaining_time_in_millis() / 1000 - _SECONDS_TO_START_A_JOB
    if unpacked_here(archive, folder, seconds, settings):
        answer(step.task_token, Succeeded(Unpacking().to_event()))
        return {"TrainingJobName": ""}
    name = unpacking_job_name(step.execution_name)
    request, token = unpacking_job_request(step, archive.etag, settings), token_of(settings, "unpacking", name, step)
    created = start(Ledger(settings), token, lambda: aws.sagemaker().create_training_job(**request))
    logger.info("unpacking job started", training_job_name=name, num_bytes=archive.size, newly_created=created)
    return {"TrainingJobName": name}
