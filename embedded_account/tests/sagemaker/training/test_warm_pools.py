"""Training jobs that keep their instances, are deleted, or meet a quota."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.jobs import Workbench


def _resources(**changes: Any) -> dict[str, Any]:
    return {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 1, "VolumeSizeInGB": 7} | changes


def _pool(workbench: Workbench, name: str) -> dict[str, Any]:
    return dict(workbench.sagemaker.describe_training_job(TrainingJobName=name).get("WarmPoolStatus", {}))


def test_matching_job_takes_a_warm_pool_over(workbench: Workbench) -> None:
    """AWS: Available after the job, Reused with ReusedByJob once a matching job runs, which is InUse itself.

    Source: SageMaker developer guide, "SageMaker AI Managed Warm Pools".
    """
    kept = workbench.start("print()", ResourceConfig=_resources(KeepAlivePeriodInSeconds=600))
    workbench.ended(kept)
    available = _pool(workbench, kept)
    other = workbench.start("print()", ResourceConfig=_resources(VolumeSizeInGB=8, KeepAlivePeriodInSeconds=60))
    left = _pool(workbench, kept)["Status"]

    reusing = workbench.start("import time; time.sleep(60)", ResourceConfig=_resources(KeepAlivePeriodInSeconds=60))
    workbench.reached(reusing, {"Training"})
    running = _pool(workbench, reusing)
    workbench.sagemaker.stop_training_job(TrainingJobName=reusing)
    for name in (other, reusing):
        workbench.ended(name)

    assert (available["Status"], left, running["Status"]) == ("Available", "Available", "InUse")
    assert {"Status": "Reused", "ReusedByJob": reusing}.items() <= _pool(workbench, kept).items()
    assert _pool(workbench, reusing) == {}


def test_warm_pool_is_let_go_before_its_job_is_deleted(workbench: Workbench) -> None:
    """UpdateTrainingJob with KeepAlivePeriodInSeconds 0 terminates the pool; then the job may be deleted, for good.

    Source: SageMaker developer guide, "SageMaker AI Managed Warm Pools".
    """
    name = workbench.start("print()", ResourceConfig=_resources(KeepAlivePeriodInSeconds=600, VolumeSizeInGB=9))
    workbench.ended(name)
    with pytest.raises(ClientError, match="warm pool in status Available and cannot be deleted"):
        workbench.sagemaker.delete_training_job(TrainingJobName=name)

    change = {"TrainingJobName": name, "ResourceConfig": {"KeepAlivePeriodInSeconds": 0}}
    workbench.sagemaker.update_training_job(**change)

    assert _pool(workbench, name)["Status"] == "Terminated"
    with pytest.raises(ClientError, match="no warm pool in status Available"):
        workbench.sagemaker.update_training_job(**change)
    workbench.sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match="Requested resource not found"):
        workbench.sagemaker.describe_training_job(TrainingJobName=name)


def test_running_job_counts_and_stays(workbench: Workbench) -> None:
    """20 instances of a type may run at one time, and a job that runs cannot be deleted.

    Source: AWS General Reference, "Amazon SageMaker AI endpoints and quotas".
    """
    running = workbench.start("import time; time.sleep(60)", ResourceConfig=_resources(InstanceType="ml.c5.xlarge"))

    with pytest.raises(ClientError, match="current utilization of 1 Instances and a request delta of 20") as over:
        workbench.start("print()", ResourceConfig=_resources(InstanceType="ml.c5.xlarge", InstanceCount=20))
    with pytest.raises(ClientError, match="InProgress and cannot be deleted") as kept:
        workbench.sagemaker.delete_training_job(TrainingJobName=running)

    workbench.sagemaker.stop_training_job(TrainingJobName=running)
    workbench.ended(running)
    assert over.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    assert kept.value.response["Error"]["Code"] == "ResourceInUse"
