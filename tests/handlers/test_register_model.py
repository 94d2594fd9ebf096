"""handlers/register_model.py: one package version an execution, with metrics and lineage."""

import hashlib
import json

import pytest

from handlers import aws
from handlers.contract.errors import AwsThrottledError
from handlers.ledger import Run
from handlers.register_model import handler
from tests.handlers.environment import BUCKET, EXECUTION
from tests.handlers.stored import stored


@pytest.fixture(autouse=True)
def artifact(world, event):
    """Leave the artifact and the evaluation of the training job."""
    payload = event("register_model")
    for uri in (payload["Training"]["ModelDataUrl"], payload["Evaluation"]["EvaluationS3Uri"]):
        world.put(uri.removeprefix(f"s3://{BUCKET}/"), uri.rpartition("/")[2])


def test_the_statement_names_its_subjects_and_materials_by_hash(world, event, lambda_context):
    """In in-toto's form: artifact and evaluation by SHA-256, the pictures' record, code and images; no time."""
    payload = event("register_model")
    payload["Evaluation"]["Evidence"] = "lowest recall 0.90"
    payload["Dataset"] |= {"PicturesS3Uri": f"s3://{BUCKET}/p", "PicturesSha256": "5a" * 32}

    result = handler(payload, lambda_context)

    body = aws.s3().get_object(Bucket=BUCKET, Key=f"runs/{EXECUTION}/provenance.json")["Body"].read()
    document = json.loads(body)
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert {one["name"]: one["digest"]["sha256"] for one in document["subject"]} == {
        name: hashlib.sha256(name.encode()).hexdigest() for name in ("model.tar.gz", "evaluation.json")
    }
    definition = document["predicate"]["buildDefinition"]
    materials = {one["name"]: one for one in definition["resolvedDependencies"]}
    assert materials["pictures.jsonl"]["digest"] == {"sha256": "5a" * 32}
    assert materials["code"]["uri"] == world.settings.training_source_s3_uri
    assert definition["externalParameters"]["settings"]["model_name"] == "resnet18"
    assert definition["internalParameters"]["gate"]["accuracy"] == 0.95
    assert definition["internalParameters"]["gate"]["evidence"] == "lowest recall 0.90"
    assert definition["internalParameters"]["trainingJob"] == EXECUTION
    package = world.sagemaker.packages[result["ModelPackageArn"]]
    assert package["CustomerMetadataProperties"]["ProvenanceSha256"] == hashlib.sha256(body).hexdigest()


def test_a_repeated_state_makes_the_same_statement(world, event, lambda_context):
    """Else the second try would meet its own package with another hash."""
    bodies = set()
    for _ in range(2):
        handler(event("register_model"), lambda_context)
        bodies.add(aws.s3().get_object(Bucket=BUCKET, Key=f"runs/{EXECUTION}/provenance.json")["Body"].read())

    assert len(bodies) == 1


def test_package_carries_metrics_and_lineage(world, event, lambda_context):
    """A person who looks at the version finds data, jobs and accuracy."""
    result = handler(event("register_model"), lambda_context)

    package = world.sagemaker.packages[result["ModelPackageArn"]]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"].endswith("/evaluation.json")
    lineage = package["CustomerMetadataProperties"]
    assert (lineage["Execution"], lineage["Dataset"], lineage["Accuracy"]) == (EXECUTION, "flowers", "0.95")
    assert "Tags" not in package


def test_retried_state_registers_no_second_version(world, event, lambda_context):
    """The client token makes the call idempotent."""
    first = handler(event("register_model"), lambda_context)

    assert handler(event("register_model"), lambda_context) == first
    assert len(world.sagemaker.packages) == 1


_LATER = "flowers-0123456789ab-2"


@pytest.fixture
def later(world, event, lambda_context):
    """Give a call that registers what a later execution has accepted of the same training job."""
    Run(_LATER, status="RUNNING", started_at="2026").note(world.ledger)

    def call(**evaluation):
        payload = event("register_model") | {"ExecutionName": _LATER}
        payload["Evaluation"] |= evaluation
        return handler(payload, lambda_context)

    return call


def test_a_package_that_was_not_deployed_is_taken_again(world, event, lambda_context, later):
    """The run that registered it ended before its deployment was judged; the record says whose it is."""
    first = handler(event("register_model"), lambda_context)

    assert later()["ModelPackageArn"] == first["ModelPackageArn"]
    assert len(world.sagemaker.packages) == 1
    assert stored(Run, world.ledger, _LATER).reused == [f"model package of run {EXECUTION}"]


@pytest.mark.parametrize("status", ["Rejected", "gone", "served", "judged otherwise", "other bytes", "to be redone"])
def test_what_is_not_the_same_or_was_judged_is_registered_anew(world, event, lambda_context, later, status):
    """A package that was rejected, or has served, keeps its judgement; another model is another version."""
    first = handler(event("register_model"), lambda_context)["ModelPackageArn"]
    if status == "Rejected":
        world.sagemaker.packages[first]["ModelApprovalStatus"] = status
    elif status == "gone":
        package = world.sagemaker.packages.pop(first)
        world.sagemaker.packages["arn:other"] = package
    elif status == "served":
        Run(EXECUTION, status="SUCCEEDED", started_at="2026").note(world.ledger)
    elif status == "other bytes":
        world.put(event("register_model")["Training"]["ModelDataUrl"].removeprefix(f"s3://{BUCKET}/"), "others")
    elif status == "to be redone":
        Run(_LATER).change(world.ledger, {"redo_from": "RegisterModel"})

    assert later(**({"Threshold": 0.5} if status == "judged otherwise" else {}))["ModelPackageArn"] != first
    assert stored(Run, world.ledger, _LATER).reused is None


def test_long_dataset_name_fits(world, event, lambda_context):
    """A metadata value has at most 256 characters."""
    payload = event("register_model")
    payload["Dataset"]["Name"] = "x" * 900

    handler(payload, lambda_context)

    package = next(iter(world.sagemaker.packages.values()))
    assert len(package["CustomerMetadataProperties"]["Dataset"]) == 256


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("cats & dogs", "cats _ dogs"),
        ("två", "två"),
        ("tva\u030a", "två"),
        ("50%", "50_"),
        ("pets-2026_v1.0", "pets-2026_v1.0"),
    ],
)
def test_lineage_holds_what_sagemaker_takes(world, event, lambda_context, name, kept):
    """Letters, digits, spaces and _.:/=+-@ alone; another character would be refused after everything is paid.

    Source: SageMaker API reference, CreateModelPackage, CustomerMetadataProperties.
    """
    payload = event("register_model")
    payload["Dataset"]["Name"] = name

    handler(payload, lambda_context)

    package = next(iter(world.sagemaker.packages.values()))
    assert package["CustomerMetadataProperties"]["Dataset"] == kept


def test_refusal_is_typed(world, event, lambda_context):
    """With operation and code."""
    world.sagemaker.faults["CreateModelPackage"] = "ThrottlingException"

    with pytest.raises(AwsThrottledError, match="CreateModelPackage: ThrottlingException"):
        handler(event("register_model"), lambda_context)
