"""A person's yes between the gate and the endpoint, on a stack that asks for it."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.account]


def test_a_run_waits_for_a_persons_yes_and_goes_on(asked, waiting_page, frozen):
    """Until then nothing serves and its package is pending; the word lets it go on at once, and stays with both."""
    _, name = asked
    record = frozen.record(f":{name}")
    package = frozen.client("sagemaker").describe_model_package(ModelPackageName=record["ModelPackageArn"])
    answered = frozen.client("sagemaker").describe_endpoint(EndpointName="frozen")

    page = " ".join(waiting_page.split())
    assert "waits for approval since 20" in page
    assert "endpoint none is deployed" in page
    assert f"deploy.py approve {name} --stack-name frozen --local" in page
    assert record["Status"] == "SUCCEEDED"
    assert record["Approval"].startswith("approved by arn:aws:")
    assert record["Approval"].endswith(": looked at it")
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", record["Approval"][9:])
    assert answered["EndpointConfigName"] == name
