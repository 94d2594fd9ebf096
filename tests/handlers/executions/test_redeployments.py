"""handlers/executions/redeployments.py: a model that no longer serves is deployed again, or trained again in words."""

import json

import pytest

from handlers import aws
from handlers.ledger import Dataset, Run
from tests.handlers.environment import BUCKET
from tests.handlers.stored import stored

MANUAL = {"Reason": "manual", "Dataset": "flowers"}
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/retriever/1"
RESULTS = {"Features", "Tuning", "Training", "Evaluation", "Model"}


def input_of(world, name):
    arn = world.settings.execution_arn(name)
    return json.loads(aws.stepfunctions().describe_execution(executionArn=arn)["input"])


def delete_endpoint(world):
    world.sagemaker.endpoints.clear()


def fail_endpoint(world):
    world.sagemaker.endpoints["retriever"]["EndpointStatus"] = "Failed"


@pytest.mark.parametrize("spoil", [delete_endpoint, fail_endpoint])
@pytest.mark.parametrize("asked", ["upload", "manual", "schedule"])
def test_a_model_that_no_longer_serves_is_deployed_again(world, served, upload, start, spoil, asked):
    """However it is asked for, its results go with the input, and the sentence and the record say so."""
    spoil(world)

    answer = upload() if asked == "upload" else start({"Reason": asked})

    assert answer["ExecutionName"] == f"{served[:-2]}-2"
    state = input_of(world, answer["ExecutionName"])
    assert state.keys() == RESULTS | {"Dataset", "Trigger"}
    assert state["Trigger"] == {"Reason": asked, "Redeploys": served}
    assert state["Training"]["BillableSeconds"] == 0
    assert answer["Reason"].endswith("so that is deployed again, without tuning and training")
    assert answer["Reason"].endswith(str(stored(Run, world.ledger, answer["ExecutionName"]).remark))


def test_a_renamed_endpoint_gets_the_model(world, served, start, monkeypatch):
    """EndpointName was changed: what serves under the former name does not count."""
    monkeypatch.setenv("ENDPOINT_NAME", "pets")

    assert "endpoint 'pets' does not serve the model" in start(MANUAL)["Reason"]


def test_earlier_content_is_deployed_again(world, served, upload, end):
    """Another dataset took the endpoint meanwhile, and the first is uploaded again as it was."""
    end(upload(name="birds")["ExecutionName"])

    assert input_of(world, upload()["ExecutionName"])["Trigger"]["Redeploys"] == served


def test_a_redeployment_that_failed_is_tried_again(world, served, start, end):
    """The last attempt has nothing to deploy, the one before it has."""
    delete_endpoint(world)
    end(start(MANUAL)["ExecutionName"], "FAILED")

    again = start(MANUAL)

    assert again["ExecutionName"].endswith("-3")
    assert input_of(world, again["ExecutionName"])["Trigger"]["Redeploys"] == served


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating", "RollingBack", "InService"])
def test_a_model_that_serves_while_it_changes_is_left(world, served, start, status):
    """SageMaker patches endpoints by itself, and they serve meanwhile."""
    world.sagemaker.endpoints["retriever"]["EndpointStatus"] = status

    assert start(MANUAL)["Started"] is False
    assert "nothing to do" in str(stored(Dataset, world.ledger, "flowers").skip_reason)


def test_what_a_person_has_deployed_by_hand_is_left(world, served, start):
    """A config that no execution made serves on purpose."""
    world.sagemaker.serve(config="by-hand")

    answer = start(MANUAL)

    assert answer["Started"] is False
    assert "the endpoint serves 'by-hand', which no execution has made, so it is left alone" in answer["Reason"]


def test_a_forced_run_trains(world, served, start):
    """A person who asks for a run gets one."""
    delete_endpoint(world)

    answer = start({**MANUAL, "Force": True})

    assert input_of(world, answer["ExecutionName"]).keys() == {"Dataset", "Trigger"}
    assert stored(Run, world.ledger, answer["ExecutionName"]).redo_from == "StartTuningJob"


def lose_package(world, name, monkeypatch):
    world.sagemaker.packages.clear()


def leave_package(world, name, monkeypatch):
    world.sagemaker.packages[PACKAGE]["ModelApprovalStatus"] = "PendingManualApproval"


def lose_summary(world, name, monkeypatch):
    aws.s3().delete_object(Bucket=BUCKET, Key=f"runs/{name}/summary.json")


def cut_summary(world, name, monkeypatch):
    world.put(f"runs/{name}/summary.json", '{"State": {"Training": {}}}')


def lose_artifact(world, name, monkeypatch):
    (key,) = [key for key in world.keys("runs/") if key.endswith("model.tar.gz")]
    aws.s3().delete_object(Bucket=BUCKET, Key=key)


def raise_threshold(world, name, monkeypatch):
    monkeypatch.setenv("ACCURACY_THRESHOLD", "0.99")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lose_package, "its model package is gone"),
        (leave_package, "its model package is PendingManualApproval"),
        (lose_summary, "its summary.json is gone"),
        (cut_summary, "its summary.json lacks the results of its states"),
        (lose_artifact, "model.tar.gz is gone"),
        (raise_threshold, "its accuracy 0.9500 is below AccuracyThreshold 0.99"),
    ],
)
def test_a_model_that_cannot_be_deployed_is_trained_again(world, served, start, monkeypatch, spoil, why):
    """The whole run is made anew, and why is in the answer and in the record."""
    delete_endpoint(world)
    spoil(world, served, monkeypatch)

    answer = start(MANUAL)

    assert input_of(world, answer["ExecutionName"]).keys() == {"Dataset", "Trigger"}
    remark = str(stored(Run, world.ledger, answer["ExecutionName"]).remark)
    assert f"{why}), so it is trained again" in remark
    assert remark in answer["Reason"]


@pytest.mark.parametrize("reason", ["manual", "schedule"])
def test_a_model_that_a_person_rejected_does_not_come_back(world, served, start, reason):
    """Neither deployed again nor trained again by itself, and the ways on are named; --force trains."""
    delete_endpoint(world)
    world.sagemaker.packages[PACKAGE] |= {"ModelApprovalStatus": "Rejected", "ApprovalDescription": "by ann: blurry"}

    answer = start(MANUAL | {"Reason": reason})

    assert answer["Started"] is False
    assert "was rejected by ann: blurry; upload other data, train it again" in answer["Reason"]
    assert f"`deploy.py approve {served}`" in answer["Reason"]
    assert start(MANUAL | {"Force": True})["Started"] is True


def test_a_redeployment_waits_for_no_approval(world, served, start):
    """Its model had its approval when it was deployed first."""
    key = f"runs/{served}/summary.json"
    summary = json.loads(aws.s3().get_object(Bucket=BUCKET, Key=key)["Body"].read())
    summary["State"]["Model"]["ApprovalSeconds"] = 3600
    world.put(key, json.dumps(summary))
    delete_endpoint(world)

    name = start(MANUAL)["ExecutionName"]

    assert input_of(world, name)["Model"]["ApprovalSeconds"] == 0
