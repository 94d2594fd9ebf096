"""handlers/compute_features.py and features.py: computed once, found again, never taken from what is not whole."""

import json
import time

import pytest

from handlers import aws, resume_execution
from handlers.compute_features import features_job_request, handler
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.names import features_job_name
from handlers.contract.settings import Settings
from handlers.contract.states import ComputeFeaturesInput
from handlers.ledger import Features, Token
from handlers.training_jobs import features
from tests.handlers.environment import BUCKET, ENVIRONMENT, EXECUTION

_NAME = f"{EXECUTION}-features"


@pytest.fixture
def step(world, event):
    """Give the state's input, with the manifests it names in S3."""
    payload = event("compute_features")
    for name in ("classes.json", "train.manifest", "validation.manifest", "test.manifest"):
        world.put(f"runs/{EXECUTION}/dataset/{name}", name)
    return payload


@pytest.fixture
def computed(world, step, sent, lambda_context):
    """Let the first execution's job complete; return the key."""
    key = handler(step, lambda_context)["Key"]
    _complete(world, key, _NAME)
    return key


def _complete(world, key, name):
    world.sagemaker.complete_training_job(name)
    prefix = f"features/{key}/{name}/output/model/"
    world.sagemaker.training_jobs[name]["ModelArtifacts"] = {"S3ModelArtifacts": f"s3://{BUCKET}/{prefix}"}
    world.put(f"{prefix}manifest.json", "{}")


def _later(step):
    """Return the input of the next execution of the same dataset."""
    return step | {"ExecutionName": "flowers-0123456789ab-2", "TaskToken": "second"}


def test_request_leaves_plain_files_and_knows_its_backbone(step, settings):
    """Other jobs read the output as a channel; nothing of tuning goes in, and test pictures are decoded."""
    request = features_job_request(ComputeFeaturesInput.model_validate(step), "k", settings)

    assert request["OutputDataConfig"] == {"S3OutputPath": f"s3://{BUCKET}/features/k", "CompressionType": "NONE"}
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == [
        "train", "validation", "test", "classes",
    ]  # fmt: skip
    values = {name: json.loads(value) for name, value in request["HyperParameters"].items()}
    assert values["sagemaker_program"] == "training/compute_features.py"
    assert (values["feature_views"], values["augment"], values["seed"]) == (3, "basic", 17)


def test_several_instances_are_started_by_torchrun(step):
    """They divide the pictures; each gets all of them."""
    settings = Settings.from_env(ENVIRONMENT | {"FEATURES_INSTANCE_COUNT": "3"})

    request = features_job_request(ComputeFeaturesInput.model_validate(step), "k", settings)

    assert request["ResourceConfig"]["InstanceCount"] == 3
    assert request["HyperParameters"]["sagemaker_torch_distributed_enabled"] == "true"


def test_spot_job_keeps_its_finished_parts(step):
    """By the key of the features, so that a later job for the same ones goes on with them."""
    settings = Settings.from_env(ENVIRONMENT | {"USE_SPOT": "true"})

    request = features_job_request(ComputeFeaturesInput.model_validate(step), "k", settings)

    assert request["CheckpointConfig"] == {"S3Uri": f"s3://{BUCKET}/checkpoints/features/k"}


def test_the_whole_network_too_is_trained_on_what_was_examined(step, settings):
    """With Trainable=full the job keeps no features, and examines all three splits as the other does."""
    step["Dataset"]["NumUnusable"] = 2
    full = Settings.from_env(ENVIRONMENT | {"TRAINABLE": "full"})

    request = features_job_request(ComputeFeaturesInput.model_validate(step), "k", full)

    values = {name: json.loads(value) for name, value in request["HyperParameters"].items()}
    assert values["sagemaker_program"] == "training/examine.py"
    assert (values["num_unusable"], values["max_unreadable"]) == (2, settings.max_unreadable)
    assert "test" in [channel["ChannelName"] for channel in request["InputDataConfig"]]


def test_other_views_are_no_reason_to_examine_again(step, world):
    """Without features only what the pictures are, and the network that looks at them, counts."""
    dataset = ComputeFeaturesInput.model_validate(step).dataset
    full, varied = (
        Settings.from_env(ENVIRONMENT | {"TRAINABLE": "full", "FEATURE_VIEWS": views}) for views in ("3", "5")
    )

    assert features.features_key(dataset, full) == features.features_key(dataset, varied)


def test_examination_counts_once_its_summary_is_there(world, step, sent, monkeypatch, lambda_context):
    """It is the last file that the job writes without features."""
    monkeypatch.setenv("TRAINABLE", "full")
    key = handler(step, lambda_context)["Key"]
    _complete(world, key, _NAME)
    assert features.find(key, _NAME, world.ledger, "full") is None

    world.put(f"features/{key}/{_NAME}/output/model/summary.json", "[]")

    assert features.find(key, _NAME, world.ledger, "full") is not None


def test_job_is_started_and_waited_for(world, step, sent, lambda_context):
    """The token waits under the job's ARN, and nothing is answered yet."""
    handler(step, lambda_context)

    (token,) = Token.all(world.ledger)
    assert token.resource_arn.endswith(f":training-job/{_NAME}")
    assert (token.kind, token.task_token) == ("features", step["TaskToken"])
    assert sent.answers == []


def test_end_of_the_job_is_the_states_result(world, computed, sent, event, lambda_context):
    """resume_execution answers with where the features are."""
    world.start_execution()
    told = event("training_job_state_change")
    told["detail"]["TrainingJobArn"] = told["detail"]["TrainingJobArn"].rpartition("/")[0] + f"/{_NAME}"

    resume_execution.handler(told, lambda_context)

    assert json.loads(sent.answers[-1][1]["output"]) == {
        "FeaturesS3Uri": f"s3://{BUCKET}/features/{computed}/{_NAME}/output/model/",
        "Key": computed,
        "Reused": False,
        "FoundIn": "",
    }


def test_failed_job_says_what_to_change(world, step, sent, event, lambda_context):
    """The sentence names the parameter that makes this job shorter."""
    world.start_execution()
    handler(step, lambda_context)
    world.sagemaker.training_jobs[_NAME].update(TrainingJobStatus="Stopped", SecondaryStatus="MaxRuntimeExceeded")

    resume_execution.handler({"Sweep": True}, lambda_context)

    operation, params = sent.answers[-1]
    assert (operation, params["error"]) == ("SendTaskFailure", "FeaturesJobFailedError")
    assert "lower FeatureViews" in params["cause"]


def test_next_execution_takes_them_at_once(world, step, computed, sent, lambda_context):
    """No second job for the same data, backbone and code."""
    handler(_later(step), lambda_context)

    operation, params = sent.answers[-1]
    assert (operation, params["taskToken"]) == ("SendTaskSuccess", "second")
    assert json.loads(params["output"])["Reused"] is True
    assert json.loads(params["output"])["FoundIn"] == EXECUTION
    assert world.sagemaker.operations().count("CreateTrainingJob") == 1


def test_retried_state_takes_its_own(world, step, computed, sent, lambda_context):
    """What this very execution has computed is not called reused."""
    handler(step | {"TaskToken": "second"}, lambda_context)

    assert json.loads(sent.answers[-1][1]["output"])["Reused"] is False
    assert world.sagemaker.operations().count("CreateTrainingJob") == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda world, key: aws.s3().delete_object(
            Bucket=BUCKET, Key=f"features/{key}/{_NAME}/output/model/manifest.json"
        ),
        lambda world, key: world.sagemaker.training_jobs[_NAME].update(TrainingJobStatus="Failed"),
        lambda world, key: world.sagemaker.training_jobs.pop(_NAME),
        lambda world, key: Features(key).change(
            world.ledger, {"started_at": int(time.time()) - features.REUSABLE_SECONDS - 1}
        ),
    ],
    ids=["manifest gone", "job failed", "job gone", "soon to be expired"],
)
def test_features_that_are_not_surely_whole_are_computed_again(world, step, computed, sent, lambda_context, spoil):
    """A failed attempt's files are never used, nor ones that the bucket may delete during the run."""
    spoil(world, computed)

    handler(_later(step), lambda_context)

    assert sent.answers == []
    assert features_job_name("flowers-0123456789ab-2") in world.sagemaker.training_jobs


@pytest.mark.parametrize(
    "changes",
    [
        {"MODEL_NAME": "resnet50"},
        {"WEIGHTS": "none"},
        {"IMAGE_SIZE": "160"},
        {"AUGMENT": "strong"},
        {"FEATURE_VIEWS": "5"},
        {"RANDAUGMENT": "9"},
        {"TRAINABLE": "full"},
        {"MAX_UNREADABLE": "0.01"},
        {"SEED": "18"},
        {"TRAINING_SOURCE_S3_URI": "s3://retriever-artifacts/ffff/sourcedir.tar.gz"},
        {"TRAINING_IMAGE_URI": ENVIRONMENT["TRAINING_IMAGE_URI"] + "2"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_setting_that_changes_the_features_changes_their_key(step, world, changes):
    """Nothing computed under other settings is found again."""
    dataset = ComputeFeaturesInput.model_validate(step).dataset

    other = features.features_key(dataset, Settings.from_env(ENVIRONMENT | changes))

    assert other != features.features_key(dataset, world.settings)


@pytest.mark.parametrize("name", ["classes.json", "train.manifest", "validation.manifest", "test.manifest"])
def test_other_splits_have_another_key(step, world, name):
    """The same pictures divided otherwise are other features."""
    dataset = ComputeFeaturesInput.model_validate(step).dataset
    before = features.features_key(dataset, world.settings)

    world.put(f"runs/{EXECUTION}/dataset/{name}", "changed")

    assert features.features_key(dataset, world.settings) != before


def test_new_weights_under_the_old_name_have_another_key(step, world):
    """The content of the weights counts, not where they lie."""
    dataset = ComputeFeaturesInput.model_validate(step).dataset
    given = {"WEIGHTS": "channel", "WEIGHTS_S3_URI": f"s3://{BUCKET}/weights/"}
    settings = Settings.from_env(ENVIRONMENT | given)
    world.put("weights/model.pt", "one")
    before = features.features_key(dataset, settings)

    world.put("weights/model.pt", "two")

    assert features.features_key(dataset, settings) != before


def test_missing_manifest_is_an_error_of_ours(world, event, lambda_context):
    """Nothing is started on a dataset that was tidied away."""
    with pytest.raises(AwsNotFoundError, match="HeadObject"):
        handler(event("compute_features"), lambda_context)
    assert world.sagemaker.calls == []
