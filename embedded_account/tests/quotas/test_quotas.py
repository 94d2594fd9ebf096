"""Quotas of a running account, and who is held to them: a new account's callers, in AWS's words."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount
from support.functions import archive
from support.jobs import Workbench, new_workbench

from embedded_account import advance_clock, start, stop

REFUSED = (
    r"The account-level service limit '{}' is {} Instances, with current utilization of 0 Instances"
    r" and a request delta of {} Instances"
)
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"

pytestmark = pytest.mark.account


@pytest.fixture(scope="module")
def new_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAccount]:
    """Give an account as AWS hands it out."""
    folder = tmp_path_factory.mktemp("new") / ".embedded-account"
    running = RunningAccount(start(folder, account="new"), folder)
    running.role("tester")
    yield running
    stop(folder)


@pytest.fixture(scope="module")
def bench(new_account: RunningAccount) -> Workbench:
    """Give what jobs need in it."""
    return new_workbench(new_account)


def quotas(account: RunningAccount, operation: str = "list_service_quotas") -> dict[str, dict[str, Any]]:
    pages = account.client("service-quotas").get_paginator(operation).paginate(ServiceCode="sagemaker")
    return {quota["QuotaName"]: quota for page in pages for quota in page["Quotas"]}


def test_quotas_are_listed_in_pages(new_account: RunningAccount) -> None:
    """Values in force differ from AWS's defaults in a new account."""
    name = "ml.m5.xlarge for training job usage"

    assert quotas(new_account)[name]["Value"] == 0
    assert quotas(new_account, "list_aws_default_service_quotas")[name]["Value"] == 20


def test_a_training_job_of_a_type_without_quota(bench: Workbench) -> None:
    """CreateTrainingJob is refused with the quota's name, its value and what was asked."""
    with pytest.raises(ClientError, match=REFUSED.format("ml.m5.xlarge for training job usage", 0, 1)):
        bench.start("print(1)")


def test_a_tuning_job_needs_room_for_all_its_parallel_jobs(bench: Workbench) -> None:
    """Two at a time of a type with a quota of 1 are refused when the tuning job is made."""
    config = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]},
    }
    resources = {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}

    with pytest.raises(ClientError, match=REFUSED.format("ml.m4.xlarge for training job usage", 1, 2)):
        bench.tune("print('score=1')", config, ResourceConfig=resources)


def test_an_endpoint_of_a_type_without_quota(new_account: RunningAccount, bench: Workbench) -> None:
    """CreateEndpoint is refused at once, not after minutes of Creating."""
    client = new_account.client("sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": bench.put("model.tar.gz", b"")}
    client.create_model(ModelName="m", ExecutionRoleArn=bench.role_arn, PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    client.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])

    with pytest.raises(ClientError, match=REFUSED.format("ml.m5.large for endpoint usage", 0, 1)):
        client.create_endpoint(EndpointName="e", EndpointConfigName="c")


def test_a_small_account_can_reserve_no_concurrency(new_account: RunningAccount) -> None:
    """Of ten concurrent executions all must stay unreserved."""
    client = new_account.client("lambda")
    role = f"arn:aws:iam::{new_account.info.account_id}:role/tester"
    source = archive({"app.py": "def handler(event, context):\n    return 1\n"})
    client.create_function(
        FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=role, Code={"ZipFile": source}
    )

    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 10
    with pytest.raises(ClientError, match=r"UnreservedConcurrentExecution below its minimum value of \[10\]"):
        client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)


def test_more_is_granted_after_a_while(new_account: RunningAccount) -> None:
    """What was asked for is PENDING, and in force half an hour later on the account's clock."""
    client, name = new_account.client("service-quotas"), "ml.c5.xlarge for training job usage"
    code = quotas(new_account)[name]["QuotaCode"]

    asked = client.request_service_quota_increase(ServiceCode="sagemaker", QuotaCode=code, DesiredValue=3)
    before = quotas(new_account)[name]["Value"]
    advance_clock(new_account.info, 1801)
    (granted,) = client.list_requested_service_quota_change_history(ServiceCode="sagemaker")["RequestedQuotas"]

    assert (asked["RequestedQuota"]["Status"], before) == ("PENDING", 0)
    assert (granted["Status"], quotas(new_account)[name]["Value"]) == ("APPROVED", 3)


def test_no_less_can_be_asked_for(new_account: RunningAccount) -> None:
    """AWS refuses a value that is not above the present one."""
    code = quotas(new_account)["ml.m5.large for training job usage"]["QuotaCode"]

    with pytest.raises(ClientError, match="greater than the current quota value"):
        new_account.client("service-quotas").request_service_quota_increase(
            ServiceCode="sagemaker", QuotaCode=code, DesiredValue=1
        )


def test_quotas_of_other_services_are_not_made_up(aws: Any) -> None:
    """What the account has no quotas of is refused by name."""
    with pytest.raises(ClientError, match="the embedded account has quotas of lambda, sagemaker"):
        aws("service-quotas").list_service_quotas(ServiceCode="ec2")


def test_no_warm_pool_is_kept_beyond_the_quota(bench: Workbench) -> None:
    """A new account's is 0: the job runs as any other, and nothing is retained after it.

    Source: SageMaker developer guide, "Request a warm pool quota increase".
    """
    one = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}

    name = bench.start("print()", ResourceConfig=one | {"KeepAlivePeriodInSeconds": 600})
    bench.ended(name)

    described = bench.sagemaker.describe_training_job(TrainingJobName=name)
    assert described["TrainingJobStatus"] == "Completed"
    assert "WarmPoolStatus" not in described
