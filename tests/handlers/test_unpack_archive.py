"""handlers/unpack_archive.py: an archive is unpacked here or by a job, once, and ends in the same errors."""

import json

import pytest

from handlers import resume_execution
from handlers.contract.errors import AwsThrottledError, DatasetChangedError, DatasetError, InputError
from handlers.contract.settings import Settings
from handlers.contract.states import UnpackArchiveInput
from handlers.datasets.staging import StagedFolder
from handlers.ledger import Token
from handlers.unpack_archive import handler, unpacking_job_request
from tests.handlers import packing
from tests.handlers.environment import BUCKET, ENVIRONMENT, EXECUTION

_NAME = f"{EXECUTION}-unpacking"
_URI = f"s3://{BUCKET}/datasets/flowers.zip"


@pytest.fixture
def step(world, event):
    """Give the state's input, with its archive in S3."""
    return archived(world, event, packing.zipped(packing.IMAGES))


def archived(world, event, content):
    world.put("datasets/flowers.zip", content)
    payload = event("unpack_archive")
    payload["Dataset"]["Fingerprint"] = world.fingerprint(_URI)
    return payload


def staged(world):
    return [key.split("/", 3)[3] for key in world.keys("staged/")]


def test_small_archive_is_unpacked_by_the_function(world, step, sent, lambda_context):
    """The state goes on at once, and no job is paid."""
    handler(step, lambda_context)

    assert staged(world) == sorted([*packing.IMAGES, "_SUCCESS"])
    operation, told = sent.answers[-1]
    assert (operation, told["taskToken"]) == ("SendTaskSuccess", step["TaskToken"])
    assert json.loads(told["output"]) == {"TrainingJobName": ""}
    assert world.sagemaker.training_jobs == {}


def test_large_archive_is_unpacked_by_a_job(world, step, sent, monkeypatch, lambda_context):
    """Nothing is put by the function; the token waits under the job's ARN."""
    monkeypatch.setenv("UNPACK_FUNCTION_MB", "0")

    assert handler(step, lambda_context) == {"TrainingJobName": _NAME}

    assert (staged(world), sent.answers) == ([], [])
    (token,) = Token.all(world.ledger)
    assert (token.kind, token.task_token) == ("unpacking", step["TaskToken"])
    assert token.resource_arn.endswith(f":training-job/{_NAME}")


def test_what_a_function_has_no_time_for_a_job_goes_on_with(world, step, sent, lambda_context):
    """How long an archive takes is told by its files, not by its bytes; what is there is not put again."""
    lambda_context.remaining_ms = 60_000  # of which all is kept to start a job

    handler(step, lambda_context)

    assert "_SUCCESS" not in staged(world)
    assert list(world.sagemaker.training_jobs) == [_NAME]
    assert sent.answers == []


def test_unpacked_archive_is_found(world, step, sent, monkeypatch, lambda_context):
    """A retried state, and the next execution, take what is there, whatever its size."""
    handler(step, lambda_context)
    monkeypatch.setenv("UNPACK_FUNCTION_MB", "0")

    handler(step | {"ExecutionName": "flowers-0123456789ab-2", "TaskToken": "second"}, lambda_context)

    assert [told["taskToken"] for _, told in sent.answers] == [step["TaskToken"], "second"]
    assert world.sagemaker.training_jobs == {}


def test_request_names_the_archive_by_its_content(world, step, settings):
    """The job has a role of its own, reads no channel, and is the stack's by its tags."""
    request = unpacking_job_request(UnpackArchiveInput.from_event(step), "0a1b", settings)

    values = {name: json.loads(value) for name, value in request["HyperParameters"].items() if "s3" in name}
    place = f"s3://{BUCKET}/staged/flowers/{step['Dataset']['Fingerprint']}"
    assert values == {"archive_s3_uri": _URI, "folder_s3_uri": f"{place}/"}
    assert json.loads(request["HyperParameters"]["archive_etag"]) == "0a1b"
    assert request["RoleArn"] == settings.unpacking_role_arn != settings.sagemaker_role_arn
    assert request["OutputDataConfig"] == {"S3OutputPath": f"{place}-job"}  # not among the dataset's files
    assert "InputDataConfig" not in request
    assert {"Key": "retriever:Stack", "Value": "retriever"} in request["Tags"]


def test_job_goes_on_after_a_spot_interruption_by_what_is_there(world, step):
    """It needs no checkpoints: the folder says what has been put."""
    request = unpacking_job_request(
        UnpackArchiveInput.from_event(step), "0a1b", Settings.from_env(ENVIRONMENT | {"USE_SPOT": "true"})
    )

    assert request["EnableManagedSpotTraining"] is True
    assert "CheckpointConfig" not in request


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "AlgorithmError: DatasetError: archive 'datasets/flowers.zip' holds no file, exit code: 1",
            ("DatasetError", "archive 'datasets/flowers.zip' holds no file"),
        ),
        (
            "AlgorithmError: DatasetChangedError: object 's3://b/k' changed while it was read; upload it once more, "
            "exit code: 1",
            ("DatasetChangedError", "object 's3://b/k' changed while it was read; upload it once more"),
        ),
        (
            "CapacityError: no instances",
            (
                "UnpackingJobFailedError",
                f"training job '{_NAME}' ended Failed: CapacityError: no instances; see log group "
                f"/aws/sagemaker/TrainingJobs, streams {_NAME}/, correct the cause and upload again",
            ),
        ),
    ],
    ids=["archive", "changed", "job"],
)
def test_job_ends_in_the_error_of_a_function(world, step, sent, event, monkeypatch, lambda_context, reason, expected):
    """What the archive is to blame for has the class and the words that it has without a job."""
    monkeypatch.setenv("UNPACK_FUNCTION_MB", "0")
    handler(step, lambda_context)
    world.sagemaker.training_jobs[_NAME].update(TrainingJobStatus="Failed", FailureReason=reason)

    resume_execution.handler(ended(event), lambda_context)

    operation, told = sent.answers[-1]
    assert (operation, (told["error"], told["cause"])) == ("SendTaskFailure", expected)


def test_completed_job_lets_the_execution_go_on(world, step, sent, event, monkeypatch, lambda_context):
    """The result names the job."""
    monkeypatch.setenv("UNPACK_FUNCTION_MB", "0")
    handler(step, lambda_context)
    world.sagemaker.complete_training_job(_NAME)

    resume_execution.handler(ended(event), lambda_context)

    operation, told = sent.answers[-1]
    assert (operation, json.loads(told["output"])) == ("SendTaskSuccess", {"TrainingJobName": _NAME})


def ended(event):
    payload = event("training_job_state_change")
    arn = payload["detail"]["TrainingJobArn"].rpartition("/")[0] + f"/{_NAME}"
    payload["detail"] |= {"TrainingJobName": _NAME, "TrainingJobArn": arn}
    return payload | {"resources": [arn]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "has 0 bytes"),
        (packing.zipped({}), "holds no file"),
        (packing.zipped(packing.IMAGES)[:-40], "cannot be read"),
        (packing.zipped({"../x.jpg": b"1"}), "points outside the dataset"),
    ],
    ids=["zero", "empty", "truncated", "traversal"],
)
def test_bad_archive_is_refused_and_leaves_no_marker(world, event, sent, lambda_context, body, message):
    """What was put before the fault is not used."""
    payload = archived(world, event, body)

    with pytest.raises(DatasetError, match=message):
        handler(payload, lambda_context)
    assert "_SUCCESS" not in staged(world)


def test_failed_put_ends_the_unpacking(world, step, sent, monkeypatch, lambda_context):
    """An error of one of the parallel puts is raised, and no marker says that all is there."""

    def put(*_):
        raise AwsThrottledError("PutObject: SlowDown: slower; start again later")

    monkeypatch.setattr(StagedFolder, "put", put)

    with pytest.raises(AwsThrottledError, match="SlowDown"):
        handler(step, lambda_context)
    assert staged(world) == []


def test_replaced_archive_is_refused(world, step, sent, lambda_context):
    """The execution was started for other content."""
    world.put("datasets/flowers.zip", packing.zipped({"rose/1.jpg": b"other"}))

    with pytest.raises(DatasetChangedError, match="the execution was started for"):
        handler(step, lambda_context)


def test_an_execution_whose_job_cannot_bear_its_name_is_refused(world, step, lambda_context):
    """Before anything is unpacked or paid."""
    with pytest.raises(InputError, match=r"^execution name 'my_run'"):
        handler(step | {"ExecutionName": "my_run"}, lambda_context)
    assert staged(world) == []
