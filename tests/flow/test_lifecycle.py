"""Removal: how a stack ends."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.account]


def test_down_leaves_nothing_but_the_data_bucket(stack, production):
    """Stack, endpoint, models, model packages, code: all gone; the data bucket is named, the other is empty."""
    bucket, endpoint = stack.outputs["DataBucketName"], stack.outputs["EndpointName"]

    done = stack.run("down", "--yes")

    assert bucket in done.stdout
    sagemaker = stack.client("sagemaker")
    buckets = [one["Name"] for one in stack.client("s3").list_buckets()["Buckets"]]
    assert bucket in buckets
    (artifacts,) = [name for name in buckets if name.startswith("flow-artifacts")]
    listed = stack.client("s3").list_object_versions(Bucket=artifacts)
    assert not listed.get("Versions", []) + listed.get("DeleteMarkers", [])
    assert endpoint not in [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]]
    groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert not [group for group in groups if group["ModelPackageGroupName"].startswith("flow")]
    functions = stack.client("lambda").list_functions()["Functions"]
    assert not [function for function in functions if function["FunctionName"].startswith("flow-")]
    targets = stack.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert not [target for target in targets["ScalableTargets"] if f"/{endpoint}/" in target["ResourceId"]]
    log_groups = stack.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/flow-")["logGroups"]
    assert log_groups == []
