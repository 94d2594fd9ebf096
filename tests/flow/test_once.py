"""What is in production after one upload, of which EventBridge has told ten times."""

import pytest

from tests.flow.deployment import Deployment, answers_of, executions_of
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.account]


def test_an_upload_that_was_told_of_ten_times_was_tuned_on_once(stack: Deployment, production: str) -> None:
    """The dataset in production has one execution and one tuning job."""
    wait_for(lambda: len(answers_of(stack, "colours")) >= 10, 60)

    jobs = stack.client("sagemaker").list_hyper_parameter_tuning_jobs(NameContains="colours")
    assert executions_of(stack, "colours") == [production]
    assert len(jobs["HyperParameterTuningJobSummaries"]) == 1
