"""Transform jobs: a model asked about every object under a prefix, its answers in S3.

Source: SageMaker developer guide, "Batch transform"; SageMaker API reference, CreateTransformJob.
"""

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.hosted import BUCKET, Hosting
from support.waiting import eventually

_ENDED = {"Completed", "Failed", "Stopped"}
# Answers each row with the sum of its columns.
_ADDER = """
def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return (body if isinstance(body, str) else bytes(body).decode()).splitlines()

def predict_fn(rows, model):
    return [sum(int(column) for column in row.split(",")) for row in rows]

def output_fn(sums, accept):
    return "\\n".join(map(str, sums)), accept
"""


@pytest.fixture(scope="module")
def hosting(account: RunningAccount) -> Hosting:
    """Make models in the shared account."""
    return Hosting(account.client)


@pytest.fixture(scope="module")
def model(hosting: Hosting) -> str:
    """Give a model that answers with its name and the bytes it got."""
    return hosting.config("batch")


def _put(hosting: Hosting, objects: dict[str, bytes]) -> str:
    prefix = f"in-{uuid4().hex[:8]}"
    for name, body in objects.items():
        hosting.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=body)
    return prefix


def _request(model: str, prefix: str, **members: Any) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}"}}
    inputs, outputs = members.pop("TransformInput", {}), members.pop("TransformOutput", {})
    return {
        "TransformJobName": f"job-{prefix}",
        "ModelName": model,
        "TransformInput": {"DataSource": source} | inputs,
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out/{prefix}", "Accept": "application/json"} | outputs,
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }


def _ended(hosting: Hosting, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TransformJobName"]

    def described() -> dict[str, Any]:
        answer: dict[str, Any] = hosting.sagemaker.describe_transform_job(TransformJobName=name)
        return answer if answer["TransformJobStatus"] in _ENDED else {}

    return eventually(described, 60, f"the end of {name!r}")


def _outputs(hosting: Hosting, prefix: str) -> dict[str, bytes]:
    listed = hosting.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"out/{prefix}/").get("Contents", [])
    return {
        one["Key"].removeprefix(f"out/{prefix}/"): hosting.s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()
        for one in listed
    }


def test_every_object_gets_an_output_at_its_path(hosting: Hosting, model: str) -> None:
    """The answers lie under the output path, where their objects lie under the input's, with .out at the end."""
    prefix = _put(hosting, {"a.jpg": b"12", "deeper/b.jpg": b"123"})
    request = _request(model, prefix)

    hosting.sagemaker.create_transform_job(**request)
    described = _ended(hosting, request)

    outputs = {path: json.loads(body) for path, body in _outputs(hosting, prefix).items()}
    assert described["TransformJobStatus"] == "Completed"
    assert described["TransformStartTime"] <= described["TransformEndTime"]
    assert {path: answer["bytes"] for path, answer in outputs.items()} == {"a.jpg.out": 2, "deeper/b.jpg.out": 3}
    (summary,) = hosting.sagemaker.list_transform_jobs(NameContains=prefix)["TransformJobSummaries"]
    assert summary["TransformJobStatus"] == "Completed"


def test_lines_are_asked_one_by_one_and_assembled(hosting: Hosting, model: str) -> None:
    """With Line and SingleRecord each line is a request, and the answers stand on lines in their order."""
    prefix = _put(hosting, {"rows.csv": b"1\n22\n333\n"})
    request = _request(
        model,
        prefix,
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=2,
        TransformInput={"SplitType": "Line", "ContentType": "text/csv"},
        TransformOutput={"AssembleWith": "Line"},
    )

    hosting.sagemaker.create_transform_job(**request)
    _ended(hosting, request)

    lines = _outputs(hosting, prefix)["rows.csv.out"].decode().splitlines()
    assert [json.loads(line)["bytes"] for line in lines] == [1, 2, 3]


@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
def test_records_are_joined_with_their_predictions(hosting: Hosting, strategy: str) -> None:
    """The model gets the filtered rows, and the output has what the filter leaves of rows and predictions."""
    model = hosting.config("adder", inference=_ADDER)
    prefix = _put(hosting, {"rows.csv": b"id-1,1,2\nid-2,30,4\n"})
    request = _request(
        model,
        prefix,
        BatchStrategy=strategy,
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
        TransformInput={"SplitType": "Line", "ContentType": "text/csv"},
        TransformOutput={"AssembleWith": "Line", "Accept": "text/csv"},
    )

    hosting.sagemaker.create_transform_job(**request)

    described = _ended(hosting, request)
    assert described["TransformJobStatus"] == "Completed", described.get("FailureReason")
    assert described["DataProcessing"]["JoinSource"] == "Input"
    assert _outputs(hosting, prefix) == {"rows.csv.out": b"id-1,3\nid-2,34\n"}


def test_filter_of_what_is_not_there_fails_the_object(account: RunningAccount, hosting: Hosting, model: str) -> None:
    """The data log says which filter found nothing."""
    prefix = _put(hosting, {"rows.csv": b"1,2"})
    request = _request(
        model,
        prefix,
        DataProcessing={"InputFilter": "$[5]"},
        TransformInput={"SplitType": "Line", "ContentType": "text/csv"},
    )

    hosting.sagemaker.create_transform_job(**request)

    assert _ended(hosting, request)["FailureReason"] == "ClientError: See job logs for more information"
    stream = f"{request['TransformJobName']}/data-log"
    events = account.client("logs").get_log_events(logGroupName="/aws/sagemaker/TransformJobs", logStreamName=stream)
    assert "'$[5]': the record has nothing there" in events["events"][0]["message"]


def test_object_that_is_not_split_is_a_single_record(hosting: Hosting, model: str) -> None:
    """SingleRecord without a SplitType sends each object as it is, as AWS's examples with pictures do."""
    prefix = _put(hosting, {"a.jpg": b"1\n2\n"})
    request = _request(model, prefix, BatchStrategy="SingleRecord", TransformInput={"SplitType": "None"})

    hosting.sagemaker.create_transform_job(**request)
    _ended(hosting, request)

    assert json.loads(_outputs(hosting, prefix)["a.jpg.out"])["bytes"] == 4


def test_an_object_that_fails_fails_the_job_alone(account: RunningAccount, hosting: Hosting, model: str) -> None:
    """The others have their outputs; which one failed, and with what, stands in the data log."""
    prefix = _put(hosting, {"bad.jpg": b"refuse this", "good.jpg": b"x"})
    request = _request(model, prefix)

    hosting.sagemaker.create_transform_job(**request)
    described = _ended(hosting, request)

    stream = f"{request['TransformJobName']}/data-log"
    events = account.client("logs").get_log_events(logGroupName="/aws/sagemaker/TransformJobs", logStreamName=stream)
    assert described["FailureReason"] == "ClientError: See job logs for more information"
    assert set(_outputs(hosting, prefix)) == {"good.jpg.out"}
    assert f"{prefix}/bad.jpg: Bad HTTP status received from algorithm: 415" in events["events"][0]["message"]


def test_a_stopped_job_leaves_what_was_done(hosting: Hosting, model: str) -> None:
    """It ends as Stopped, once the request under way has ended."""
    prefix = _put(hosting, {f"{number}.jpg": b"sleep 0.3" for number in range(20)})
    request = _request(model, prefix)

    hosting.sagemaker.create_transform_job(**request)
    eventually(lambda: _outputs(hosting, prefix), 30, "a first output")
    hosting.sagemaker.stop_transform_job(TransformJobName=request["TransformJobName"])

    assert _ended(hosting, request)["TransformJobStatus"] == "Stopped"
    assert len(_outputs(hosting, prefix)) < 20


def test_a_prefix_without_objects_fails_the_job(hosting: Hosting, model: str) -> None:
    """The reason names the prefix; no instance is started."""
    request = _request(model, "nothing-here")

    hosting.sagemaker.create_transform_job(**request)

    described = _ended(hosting, request)
    assert described["FailureReason"].startswith('ClientError: No S3 objects found under S3 URL "s3://')
    assert "TransformStartTime" not in described


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"MaxConcurrentTransforms": 20, "MaxPayloadInMB": 6}, "is 120 MB; it must be at most 100"),
        ({"BatchStrategy": "MultiRecord"}, "set TransformInput.SplitType to Line"),
        ({"TransformInput": {"SplitType": "TFRecord"}}, "it takes 'None' or 'Line'"),
        ({"DataProcessing": {"JoinSource": "Input"}}, "DataProcessing: ContentType ''"),
        ({"DataProcessing": {"InputFilter": "id"}}, "DataProcessing: 'id': is no JSONPath"),
        (
            {"DataProcessing": {"InputFilter": "$[1:]"}, "TransformInput": {"ContentType": "text/csv"}},
            "set TransformInput.SplitType to Line",
        ),
        ({"ModelName": "unknown"}, "Could not find model"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(
    hosting: Hosting, model: str, members: dict[str, Any], refusal: str
) -> None:
    """Before anything starts, in words."""
    with pytest.raises(ClientError, match=refusal):
        hosting.sagemaker.create_transform_job(**_request(model, "refused", **members))
