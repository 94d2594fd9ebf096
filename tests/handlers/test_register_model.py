"""handlers/register_model.py: one package version an execution, with metrics and lineage."""

import pytest

from handlers.contract.errors import AwsThrottledError
from handlers.register_model import handler
from tests.handlers.environment import EXECUTION


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
