"""Training jobs whose instances take a while to start, where the account's delays are on."""

from typing import Any

from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import AccountClock
from support.jobs import Workbench


def test_job_is_starting_until_its_instances_run(workbench: Workbench, faults: Faults, clock: AccountClock) -> None:
    """Minutes pass on the account's clock, without being billed; the work itself takes real time.

    Source: SageMaker API reference, DescribeTrainingJob: SecondaryStatus, BillableTimeInSeconds.
    """
    faults.add("delay-instances", name="job-*", seconds=300)
    name = workbench.start("print('done')")
    clock.advance(200)

    assert workbench.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Starting"
    clock.advance(101)
    job = workbench.ended(name)
    assert job["TrainingJobStatus"] == "Completed"
    assert (job["TrainingStartTime"] - job["CreationTime"]).total_seconds() >= 300
    assert job["BillableTimeInSeconds"] < 100


def test_job_whose_instances_start_can_be_stopped(workbench: Workbench, faults: Faults) -> None:
    """Whoever stops a job that is Starting does not wait for its instances."""
    faults.add("delay-instances", name="job-*")
    name = workbench.start("print()")

    workbench.sagemaker.stop_training_job(TrainingJobName=name)

    assert workbench.ended(name)["TrainingJobStatus"] == "Stopped"


def test_job_on_a_warm_pool_starts_at_once(workbench: Workbench, faults: Faults) -> None:
    """Warm pools are there for this: the next job finds its instances running.

    Source: SageMaker developer guide, "Train Using SageMaker AI Managed Warm Pools".
    """
    resources: dict[str, Any] = {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 7,
        "KeepAlivePeriodInSeconds": 600,
    }
    workbench.ended(workbench.start("print()", ResourceConfig=resources))
    faults.add("delay-instances", name="job-*")

    job = workbench.ended(workbench.start("print()", ResourceConfig=resources))

    assert job["TrainingJobStatus"] == "Completed"
