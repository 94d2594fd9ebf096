"""Faults of what runs: functions, jobs and endpoints lose their processes."""

import json
import uuid
from collections.abc import Callable

import psutil
from botocore.exceptions import ClientError
from embedded_account.faults.remote import Faults
from embedded_account.pytest_plugin import RunningAccount
from support.functions import Deployed
from support.hosted import Hosting
from support.jobs import Workbench, new_workbench
from support.waiting import eventually

_STEPS = """
import time
for step in range(1, 200):
    print(f"score={step}", flush=True)
    time.sleep(0.05)
"""


def test_a_killed_environment_is_replaced(faults: Faults, function: Callable[..., Deployed]) -> None:  # noqa: F811
    """The next invocation finds a new process: Lambda starts another environment when one is lost."""
    tried = function("import os\ndef handler(event, context):\n    return os.getpid()\n")
    before = tried.invoke().value
    fault = faults.add("kill-environment", name=tried.name)

    eventually(lambda: faults.happened(fault))
    eventually(lambda: not psutil.pid_exists(before) or psutil.Process(before).status() == psutil.STATUS_ZOMBIE)

    assert tried.invoke().value != before


def test_a_training_job_that_is_killed_fails_with_the_signal(account: RunningAccount, faults: Faults) -> None:
    """The job dies after the step that was named and ends Failed, exit code and all.

    Source: Lambda developer guide, "Understanding the Lambda execution environment lifecycle".
    """
    workbench = new_workbench(account)
    fault = faults.add("kill-training-job", name="job-*", step=3)

    job = workbench.ended(workbench.start(_STEPS))

    assert job["TrainingJobStatus"] == "Failed"
    assert "exit code: 137" in job["FailureReason"]
    assert 3 <= job["FinalMetricDataList"][0]["Value"] < 199
    assert len(faults.happened(fault)) == 1


def test_a_training_job_is_stopped_by_somebody_else(account: RunningAccount, faults: Faults) -> None:
    """It ends Stopped, as after a click in the console.

    Source: SageMaker API reference, StopTrainingJob.
    """
    workbench: Workbench = new_workbench(account)
    faults.add("stop-training-job", name="job-*")

    job = workbench.ended(workbench.start(_STEPS))

    assert job["TrainingJobStatus"] == "Stopped"


def test_a_tuning_job_is_stopped_by_somebody_else(account: RunningAccount, faults: Faults) -> None:
    """It ends Stopped with the training job that ran, and the fault is used up.

    Source: SageMaker API reference, StopHyperParameterTuningJob.
    """
    workbench: Workbench = new_workbench(account)
    ranges = [{"Name": "rate", "MinValue": "0", "MaxValue": "1"}]
    config = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
        "ParameterRanges": {"ContinuousParameterRanges": ranges},
    }
    name = workbench.tune(_STEPS, config)
    fault = faults.add("stop-tuning-job", name=name)

    job = workbench.tuned(name)

    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert faults.happened(fault) == [name]
    assert faults.waiting() == []


def test_an_execution_is_stopped_by_somebody_else(account: RunningAccount, faults: Faults) -> None:
    """It ends ABORTED, and the fault is used up.

    Source: Step Functions API reference, StopExecution.
    """
    sfn, name = account.client("stepfunctions"), f"stopped-{uuid.uuid4().hex[:8]}"
    definition = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    role = f"arn:aws:iam::{account.info.account_id}:role/pipeline"
    machine = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    arn = sfn.start_execution(stateMachineArn=machine["stateMachineArn"], name=name)["executionArn"]
    fault = faults.add("stop-execution", name=name)

    eventually(lambda: sfn.describe_execution(executionArn=arn)["status"] == "ABORTED")

    eventually(lambda: faults.happened(fault) == [name])
    assert faults.waiting() == []


def test_an_endpoint_instance_that_is_killed_is_replaced(account: RunningAccount, faults: Faults) -> None:
    """The endpoint answers again, from another process."""
    hosting = Hosting(account.client)
    name = hosting.endpoint("killed")
    before = _pid(hosting, name)
    faults.add("kill-endpoint-instance", name=name)

    after = _wait_for_another(hosting, name, before)

    hosting.delete(name)
    assert after != before


def _pid(hosting: Hosting, name: str) -> int:
    return int(json.loads(hosting.invoke(name)["Body"].read())["pid"])


def _wait_for_another(hosting: Hosting, name: str, before: int) -> int:
    def another() -> int | None:
        try:
            return pid if (pid := _pid(hosting, name)) != before else None
        except ClientError as error:
            assert error.response["Error"]["Code"] in {"ServiceUnavailable", "ModelError"}  # noqa: PT017
            return None

    return eventually(another, 20, f"another instance of {name!r}", pause_seconds=0.05)
