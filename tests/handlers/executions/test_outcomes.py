"""handlers/executions/outcomes.py: which end of a job is a result."""

from handlers.executions.outcomes import Succeeded, tuning_outcome

_BEST = {
    "TrainingJobName": "flowers-001",
    "TunedHyperParameters": {"lr": "0.1"},
    "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "accuracy", "Value": 0.9},
}


def test_a_stopped_tuning_job_with_a_best_job_is_a_result():
    """At its time limit SageMaker stops a tuning job, and what it has found stands.

    Source: SageMaker API reference, StopHyperParameterTuningJob.
    """
    job = {
        "HyperParameterTuningJobName": "flowers",
        "HyperParameterTuningJobArn": "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/flowers",
        "HyperParameterTuningJobStatus": "Stopped",
        "TrainingJobStatusCounters": {"Completed": 1, "Stopped": 1},
        "BestTrainingJob": _BEST,
    }

    assert isinstance(tuning_outcome(job), Succeeded)
