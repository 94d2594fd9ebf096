"""handlers/executions/rollbacks.py: the run that goes back, what is in its way, and what stays away afterwards."""

import json

import pytest

from handlers import aws
from handlers.executions.rollbacks import put_into_production
from handlers.ledger import Run, Serving
from tests.handlers.environment import BUCKET
from tests.handlers.stored import stored

BACK = {"Reason": "rollback"}
MANUAL = {"Reason": "manual", "Dataset": "flowers"}


def input_of(world, name):
    arn = world.settings.execution_arn(name)
    return json.loads(aws.stepfunctions().describe_execution(executionArn=arn)["input"])


@pytest.fixture
def serve(world, upload, end, event):
    """Give a run on some content that ends well and serves, with all that it leaves; the name comes back."""

    def call(content):
        name = upload(content=content)["ExecutionName"]
        text = json.dumps(event("report_outcome_succeeded")["State"]).replace("flowers-0123456789ab-1", name)
        state = json.loads(text.replace("model-package/retriever/1", f"model-package/retriever/{content}"))
        world.put(f"runs/{name}/summary.json", json.dumps({"State": state}))
        for uri in (state["Training"]["ModelDataUrl"], state["Evaluation"]["EvaluationS3Uri"]):
            world.put(uri.removeprefix(f"s3://{BUCKET}/"))
        image = {"Containers": [{"Image": f"image-{content}"}]}
        package = state["Model"]["ModelPackageArn"]
        world.sagemaker.packages[package] = {"ModelApprovalStatus": "Approved", "InferenceSpecification": image}
        end(name)
        Run(name).change(world.ledger, {"ended_at": f"2026-11-29T0{content}", "model_package_arn": package})
        return name

    return call


@pytest.fixture
def two(serve):
    """Give two runs that have served, one after the other."""
    return serve("1"), serve("2")


@pytest.fixture
def rolled_back(world, two, start, end):
    """Give the two runs after the way back from the second to the first."""
    name = start(BACK)["ExecutionName"]
    put_into_production(name, world.ledger, world.settings)
    end(name)
    return two


def test_a_rollback_enters_at_deployment_with_the_old_results(world, two, start):
    """The first model's own dataset, artifact and image, whatever the settings say today."""
    first, second = two

    answer = start(BACK)

    name = answer["ExecutionName"]
    state = input_of(world, name)
    assert name == f"{first[:-2]}-2"
    assert state["Trigger"] == {"Reason": "rollback", "Redeploys": first, "Leaves": second}
    assert first in state["Training"]["ModelDataUrl"]
    assert state["Model"]["ImageUri"] == "image-1"
    assert "ClassesS3Uri" in state["Dataset"]
    run = stored(Run, world.ledger, name)
    assert (run.redeploys, run.rolls_back) == (first, second)
    assert f"back from the model of {second!r} to that of {first!r}, without training" in answer["Reason"]


def test_a_second_request_meets_the_rollback_that_runs(two, start):
    """An answer that was lost is asked for again."""
    name = start(BACK)["ExecutionName"]

    again = start(BACK)

    assert (again["Started"], again["ExecutionName"]) == (False, name)


def test_a_running_execution_comes_first(two, upload, start):
    """One execution runs at a time; both ways on are named."""
    name = upload(content="3")["ExecutionName"]

    reason = start(BACK)["Reason"]

    assert f"`deploy.py watch {name}`" in reason
    assert "`deploy.py rollback --stop`" in reason


def test_a_model_whose_artifact_is_gone_is_named(world, two, start):
    """Nothing starts, and the command that lists the others is said."""
    (key,) = [key for key in world.keys(f"runs/{two[0]}/") if key.endswith("model.tar.gz")]
    aws.s3().delete_object(Bucket=BUCKET, Key=key)

    answer = start(BACK)

    assert answer["Started"] is False
    assert "model.tar.gz is gone); `deploy.py models` lists the others" in answer["Reason"]


def test_a_model_below_todays_threshold_may_come_back(two, start, monkeypatch):
    """It passed its own gate, and who asks for it by a rollback has decided."""
    monkeypatch.setenv("ACCURACY_THRESHOLD", "0.99")

    assert start(BACK)["Started"] is True


def test_the_model_that_was_left_is_marked(world, rolled_back):
    """And the other one serves."""
    first, second = rolled_back

    assert stored(Run, world.ledger, second).rolled_back_by == f"{first[:-2]}-2"
    assert stored(Run, world.ledger, first).rolled_back_at is None
    assert stored(Serving, world.ledger, "retriever").execution_name == f"{first[:-2]}-2"


@pytest.mark.parametrize("retrain_when", ["changed", "always"])
def test_the_schedule_does_not_put_it_back(rolled_back, start, monkeypatch, retrain_when):
    """Whether or not it would train anew: the same data gave the model that was left, with other settings too."""
    monkeypatch.setenv("RETRAIN_WHEN", retrain_when)
    monkeypatch.setenv("EPOCHS", "21")

    answer = start({"Reason": "schedule"})

    assert answer["Started"] is False
    assert (
        f"the model of {rolled_back[1]!r}, which was trained on the same content, was rolled back" in answer["Reason"]
    )
    assert f"`deploy.py rollback {rolled_back[1]}`" in answer["Reason"]


def test_an_upload_of_the_same_content_does_not_put_it_back(rolled_back, upload):
    """Nor does the same request by hand."""
    assert "was rolled back" in upload(content="2")["Reason"]


def test_new_data_may_replace_it(rolled_back, upload):
    """A rollback stops nothing else."""
    assert upload(content="3")["Started"] is True


def test_a_person_who_insists_gets_a_training(world, rolled_back, start):
    """`start --force` says so."""
    answer = start({**MANUAL, "Force": True})

    assert input_of(world, answer["ExecutionName"]).keys() == {"Dataset", "Trigger"}


def test_going_forward_again_takes_the_mark_away(world, rolled_back, start, end):
    """By name the model that was left comes back, and is as any other."""
    name = start({**BACK, "Run": rolled_back[1]})["ExecutionName"]
    put_into_production(name, world.ledger, world.settings)
    end(name)

    assert stored(Run, world.ledger, rolled_back[1]).rolled_back_at is None
    assert stored(Run, world.ledger, rolled_back[0]).rolled_back_at is None


def test_a_report_rejects_the_package_of_the_model_that_was_left(world, two, start, event, lambda_context):
    """The registry says so too, with the reason."""
    from handlers.report_outcome import handler as report

    name = start(BACK)["ExecutionName"]
    payload = event("report_outcome_succeeded")
    payload["ExecutionName"] = name
    payload["State"] |= {"Trigger": input_of(world, name)["Trigger"]}

    assert report(payload, lambda_context)["Problems"] == []
    packages = {arn[-1]: one["ModelApprovalStatus"] for arn, one in world.sagemaker.packages.items()}
    assert packages == {"1": "Approved", "2": "Rejected"}


def _reject(world, number):
    package = next(one for arn, one in world.sagemaker.packages.items() if arn.endswith(f"/{number}"))
    package |= {"ModelApprovalStatus": "Rejected", "ApprovalDescription": "by ann: blurry"}


def test_a_rejected_model_is_passed_over(world, serve, start):
    """The way back leads to the one before it."""
    first, *_ = serve("1"), serve("2"), serve("3")
    _reject(world, 2)

    assert input_of(world, start(BACK)["ExecutionName"])["Trigger"]["Redeploys"] == first


def test_a_rejected_model_is_refused_by_name(world, two, start):
    """Until somebody approves it after all."""
    _reject(world, 1)

    answer = start(BACK | {"Run": two[0]})

    assert answer["Started"] is False
    assert f"was rejected by ann: blurry; if it may serve after all, `deploy.py approve {two[0]}`" in answer["Reason"]


def test_a_run_that_waits_for_approval_says_so(world, two, upload, start):
    """Who wants to go back meanwhile, or has uploaded more, is told what stands in the way and what ends it."""
    name = upload(content="3")["ExecutionName"]
    Run(name).note_waiting(world.ledger, {"model_package_arn": "arn:x"})

    back, queued = start(BACK)["Reason"], upload(name="birds")["Reason"]

    for reason in (back, queued):
        assert "it waits for approval since " in reason
        assert f"`deploy.py approve {name}` or `deploy.py reject {name} --reason WHY`" in reason
