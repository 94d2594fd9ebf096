"""handlers/register_model.py: one package version an execution, with metrics and lineage."""

import hashlib
import json

import pytest

from handlers import aws
from handlers.contract.errors import AwsThrottledError
from handlers.register_model import handler
from tests.handlers.environment import BUCKET, EXECUTION


@pytest.fixture(autouse=True)
def artifact(world, event):
    """Leave the artifact and the evaluation of the training job."""
    payload = event("register_model")
    for uri in (payload["Training"]["ModelDataUrl"], payload["Evaluation"]["EvaluationS3Uri"]):
        world.put(uri.removeprefix(f"s3://{BUCKET}/"), uri.rpartition("/")[2])


def test_the_statement_names_its_subjects_and_materials_by_hash(world, event, lambda_context):
    """In in-toto's form: artifact and evaluation by SHA-256, the pictures' record, code and images; no time."""
    payload = event("register_model")
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
