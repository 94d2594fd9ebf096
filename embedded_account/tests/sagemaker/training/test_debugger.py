"""SageMaker Debugger: what a job's description says of its profiler and its rules, and what is measured."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.jobs import RULE, Workbench

_SLEEPS = "import time; time.sleep(60)"


def _profiler(workbench: Workbench, prefix: str, **members: Any) -> dict[str, Any]:
    return {"S3OutputPath": f"s3://{workbench.bucket}/{prefix}"} | members


def _stopped(workbench: Workbench, name: str) -> dict[str, Any]:
    workbench.sagemaker.stop_training_job(TrainingJobName=name)
    return workbench.ended(name)


def test_rule_is_taken_and_reported_as_not_evaluated(workbench: Workbench) -> None:
    """The job goes on; whoever asks for the rule's status is told that nobody looked at the tensors.

    Source: SageMaker API reference, DebugRuleEvaluationStatus.
    """
    name = workbench.start("print()", DebugRuleConfigurations=[RULE], ProfilerRuleConfigurations=[RULE])

    job = workbench.ended(name)

    assert (job["TrainingJobStatus"], job["DebugRuleConfigurations"]) == ("Completed", [RULE])
    for member in ("DebugRuleEvaluationStatuses", "ProfilerRuleEvaluationStatuses"):
        (status,) = job[member]
        assert (status["RuleConfigurationName"], status["RuleEvaluationStatus"]) == ("LossNotDecreasing", "Error")
        assert "the rule is not evaluated" in status["StatusDetails"]


def test_profiled_job_leaves_system_metrics_in_s3(workbench: Workbench) -> None:
    """Each core and the memory, sampled at the interval that was asked for, by instance and minute.

    Source: SageMaker developer guide, "Amazon SageMaker Debugger", on monitoring system resources.
    """
    profiler = _profiler(workbench, "profiled", ProfilingIntervalInMilliseconds=100)
    name = workbench.start("import time; time.sleep(1)", ProfilerConfig=profiler)

    job = workbench.ended(name)

    assert (job["ProfilingStatus"], job["ProfilerConfig"]) == ("Enabled", profiler | {"DisableProfiler": False})
    s3 = workbench.account.client("s3")
    prefix = f"profiled/{name}/profiler-output/system/incremental/"
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=workbench.bucket, Prefix=prefix)["Contents"]]
    assert all(key.endswith(".algo-1.json") for key in keys)
    bodies = [s3.get_object(Bucket=workbench.bucket, Key=key)["Body"].read().decode() for key in keys]
    samples = [json.loads(line) for body in bodies for line in body.splitlines()]
    assert {sample["Type"] for sample in samples} == {"cpu", "memory"}
    assert all(0 <= sample["Value"] <= 100 and sample["NodeId"] == "algo-1" for sample in samples)


def test_job_without_a_profiler_is_not_profiled(workbench: Workbench) -> None:
    """Nothing is measured that was not asked for, and the description says so."""
    disabled = workbench.ended(workbench.start("print()", ProfilerConfig={"DisableProfiler": True}))
    plain = workbench.ended(workbench.start("print()"))

    assert disabled["ProfilingStatus"] == plain["ProfilingStatus"] == "Disabled"
    assert "ProfilerConfig" not in plain


def test_profiling_can_be_switched_on_while_the_job_trains(workbench: Workbench) -> None:
    """UpdateTrainingJob begins and ends it; of an ended job nothing can be changed any more.

    Source: SageMaker API reference, UpdateTrainingJob.
    """
    name = workbench.start(_SLEEPS)
    workbench.reached(name, {"Training"})
    update = workbench.sagemaker.update_training_job

    update(TrainingJobName=name, ProfilerConfig=_profiler(workbench, "later", ProfilingIntervalInMilliseconds=100))
    assert workbench.sagemaker.describe_training_job(TrainingJobName=name)["ProfilingStatus"] == "Enabled"
    update(TrainingJobName=name, ProfilerConfig={"DisableProfiler": True})

    assert _stopped(workbench, name)["ProfilingStatus"] == "Disabled"
    with pytest.raises(ClientError, match="is in status Stopped; only one that runs can be profiled"):
        update(TrainingJobName=name, ProfilerConfig={"DisableProfiler": False})
