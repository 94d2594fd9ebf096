"""SageMaker's quotas against the template's parameters, without an account."""

from typing import Any

import pytest

from ops.preflight.finding import Verdict
from ops.preflight.sagemaker_quotas import ALL_ENDPOINTS, ALL_TRAINING, Quota, judge, uses

DEFAULTS = {
    "UseSpot": "false",
    "TuningInstanceType": "ml.m5.xlarge",
    "TrainingInstanceType": "ml.m5.xlarge",
    "MaxTuningJobs": "8",
    "MaxParallelTuningJobs": "2",
    "TrainingInstanceCount": "1",
    "EndpointInstanceType": "ml.m5.large",
    "EndpointInstanceCount": "1",
    "ScalingMinInstances": "1",
    "ScalingMaxInstances": "4",
}
TRAINING = "ml.m5.xlarge for training job usage"
ENDPOINT = "ml.m5.large for endpoint usage"


def verdicts(quotas: dict[str, float], **changes: str) -> dict[tuple[str, str], Any]:
    """Return the findings by quota and reason."""
    listed = {name: Quota(f"L-{index:08X}", value) for index, (name, value) in enumerate(quotas.items())}
    wanted = uses(DEFAULTS | changes)
    return {
        (use.quota_name, use.why): each for use, each in zip(wanted, judge(wanted, listed, "eu-west-1"), strict=True)
    }


def test_zero_of_a_type_is_in_the_way() -> None:
    """A new account has 0 of a type: the first job would be refused, and the command that asks for more is said."""
    finding = verdicts({TRAINING: 0})[TRAINING, "tuning"]

    assert finding.verdict is Verdict.BLOCKS
    assert finding.remedies == (
        "aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code L-00000000"
        " --desired-value 2 --region eu-west-1",
    )


def test_fewer_parallel_jobs_fit_a_small_quota() -> None:
    """With a quota of 1 the parameter is said with which the first run works today."""
    finding = verdicts({TRAINING: 1})[TRAINING, "tuning"]

    assert finding.remedies[0] == "--parameter MaxParallelTuningJobs=1"


def test_features_of_several_instances_need_as_many() -> None:
    """Their quota is that of the training instances; features, tuning and training follow each other."""
    findings = verdicts({TRAINING: 2, ALL_TRAINING: 2}, FeaturesInstanceCount="3")

    assert findings[TRAINING, "features"].verdict is Verdict.BLOCKS
    assert findings[ALL_TRAINING, "tuning and training"].verdict is Verdict.BLOCKS


def test_one_job_of_all_trials_takes_one_instance() -> None:
    """Heads are trained side by side, whatever MaxParallelTuningJobs says; TuningMode=jobs takes it at its word."""
    assert verdicts({TRAINING: 1}, Trainable="head", TuningMode="auto")[TRAINING, "tuning"].verdict is Verdict.FITS
    assert verdicts({TRAINING: 1}, Trainable="head", TuningMode="jobs")[TRAINING, "tuning"].verdict is Verdict.BLOCKS


def test_a_warm_instance_needs_a_quota_of_its_own() -> None:
    """0 in a new account: nothing fails, and the command that asks for it is said."""
    name, changes = "ml.m5.xlarge for training warm pool usage", {"Trainable": "head", "WarmPoolSeconds": "300"}
    (finding,) = [each for (quota, _), each in verdicts({TRAINING: 2, name: 0}, **changes).items() if quota == name]

    assert finding.verdict is Verdict.WARNS
    assert "request-service-quota-increase" in finding.remedies[-1]
    assert name not in {quota for quota, _ in verdicts({}, **changes | {"UseSpot": "true"})}
    assert name not in {quota for quota, _ in verdicts({}, **changes | {"TuningMode": "jobs"})}


def test_another_type_of_the_same_kind_is_proposed() -> None:
    """Of the types that the account has enough of, the smallest without a GPU stands in for one without."""
    has: dict[str, float] = {
        TRAINING: 0,
        "ml.g4dn.xlarge for training job usage": 4,
        "ml.c5.2xlarge for training job usage": 4,
    }
    has["ml.m4.xlarge for training job usage"] = 2

    assert "--parameter TuningInstanceType=ml.m4.xlarge" in verdicts(has)[TRAINING, "tuning"].remedies


def test_an_endpoint_type_is_not_proposed_for_training() -> None:
    """Quotas are counted by use: what endpoints may have says nothing of training."""
    assert not any(
        "InstanceType" in remedy for remedy in verdicts({TRAINING: 0, ENDPOINT: 9})[TRAINING, "tuning"].remedies
    )


def test_an_update_needs_twice_the_instances() -> None:
    """One instance fits the first deployment; that a later update needs two is a warning."""
    findings = verdicts({ENDPOINT: 1})

    assert findings[ENDPOINT, "the endpoint"].verdict is Verdict.FITS
    assert findings[ENDPOINT, "an update of the endpoint, old and new side by side"].verdict is Verdict.WARNS
    assert findings[ENDPOINT, "autoscaling at its most"].remedies[0] == "--parameter ScalingMaxInstances=1"


def test_spot_jobs_count_against_their_own_quota() -> None:
    """With UseSpot the quota of spot training is looked at."""
    name = "ml.m5.xlarge for spot training job usage"

    assert verdicts({TRAINING: 9, name: 0}, UseSpot="true")[name, "tuning"].verdict is Verdict.BLOCKS


@pytest.mark.parametrize(
    ("quota_name", "why"), [(ALL_TRAINING, "tuning and training"), (ALL_ENDPOINTS, "the endpoint")]
)
def test_quotas_over_all_types_count_too(quota_name: str, why: str) -> None:
    """An account may have enough of a type and too few instances in all."""
    assert verdicts({quota_name: 0})[quota_name, why].verdict is Verdict.BLOCKS


def test_no_more_jobs_at_a_time_than_there_are() -> None:
    """Of two tuning jobs in all no four run in parallel."""
    name = TRAINING

    assert verdicts({name: 2}, MaxTuningJobs="2", MaxParallelTuningJobs="4")[name, "tuning"].verdict is Verdict.FITS


def test_a_quota_that_is_not_listed_is_unknown() -> None:
    """Nothing is said of it, neither that it fits nor that it is in the way."""
    assert verdicts({})[TRAINING, "training"].verdict is Verdict.UNKNOWN


def test_serverless_asks_for_concurrency_alone() -> None:
    """Quotas of instances do not stand in its way; that of requests at one time does, with the number that fits."""
    name = "Maximum total concurrency that can be allocated across all serverless endpoints"
    changes = {"EndpointKind": "serverless", "ServerlessMaxConcurrency": "20"}

    by_quota = {quota: each for (quota, _), each in verdicts({name: 10}, **changes).items() if "endpoint" in quota}

    assert by_quota.keys() == {name}
    assert by_quota[name].verdict is Verdict.BLOCKS
    assert by_quota[name].remedies[0] == "--parameter ServerlessMaxConcurrency=10"
