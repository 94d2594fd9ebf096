"""SageMaker's quotas: how many instances of each type the stack uses at one time, and how many the account may have.

A new account has 0 of many types. The quota of a type is counted apart for training, spot training and endpoints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handlers.contract.spending import tunes_in_one_job
from ops.preflight.finding import Finding, Verdict

ALL_TRAINING = "Number of instances across all training jobs"
ALL_ENDPOINTS = "Number of instances across active endpoints"
_TRAINING = "{} for training job usage"
_SPOT = "{} for spot training job usage"
_WARM = "{} for training warm pool usage"
_SERVERLESS = "Maximum total concurrency that can be allocated across all serverless endpoints"
_ENDPOINT = "{} for endpoint usage"
_GPU_FAMILIES = ("ml.g", "ml.p")


@dataclass(frozen=True)
class Quota:
    """One quota of an account: its code at Service Quotas, and its value in instances."""

    code: str
    value: float


@dataclass(frozen=True)
class Use:
    """How many instances at one time count against one quota, and the parameters that say so."""

    quota_name: str
    num_instances: int
    why: str
    type_parameter: str = ""
    count_parameter: str = ""
    is_needed_at_once: bool = True  # else only later: while autoscaling or an update is under way


def uses(values: Mapping[str, str]) -> list[Use]:
    """Return what a stack with the template's parameters `values` uses at most, one entry a quota and reason.

    Features, tuning and training follow each other, so their instances do not add up. An update of the endpoint runs
    the old and the new instances side by side.
    """
    training = _SPOT if values["UseSpot"] == "true" else _TRAINING
    tuning_type, training_type = values["TuningInstanceType"], values["TrainingInstanceType"]
    num_parallel = min(int(values["MaxParallelTuningJobs"]), int(values["MaxTuningJobs"]))
    if tunes_in_one_job(values):
        num_parallel = 1
    num_training, num_features = int(values["TrainingInstanceCount"]), int(values.get("FeaturesInstanceCount", 1))
    kinds = "TrainingInstanceType", "FeaturesInstanceCount"
    return [
        Use(training.format(tuning_type), num_parallel, "tuning", "TuningInstanceType", "MaxParallelTuningJobs"),
        Use(training.format(training_type), num_training, "training", "TrainingInstanceType", "TrainingInstanceCount"),
        *([Use(training.format(training_type), num_features, "features", *kinds)] if num_features > 1 else []),
        *_warm_uses(values),
        Use(ALL_TRAINING, max(num_parallel, num_training, num_features), "tuning and training"),
        *_endpoint_uses(values),
    ]


def _warm_uses(values: Mapping[str, str]) -> Iterator[Use]:
    """Yield the instance that is kept for the next job; without the quota each job waits for one of its own."""
    kind = values["TrainingInstanceType"]
    is_kept = int(values.get("WarmPoolSeconds", "0")) and values["UseSpot"] != "true" and tunes_in_one_job(values)
    if is_kept and values["TuningInstanceType"] == kind:
        why = "an instance that the next job meets; without it jobs start minutes later (WarmPoolSeconds)"
        yield Use(_WARM.format(kind), 1, why, is_needed_at_once=False)


def _endpoint_uses(values: Mapping[str, str]) -> Iterator[Use]:
    if values.get("EndpointKind") == "serverless":
        yield Use(_SERVERLESS, int(values["ServerlessMaxConcurrency"]), "the endpoint", "", "ServerlessMaxConcurrency")
        return
    quota_name = _ENDPOINT.format(values["EndpointInstanceType"])
    first, most = int(values["EndpointInstanceCount"]), int(values["ScalingMaxInstances"])
    kept = max(first, int(values["ScalingMinInstances"]))
    kinds = ("EndpointInstanceType", "EndpointInstanceCount")
    yield Use(quota_name, first, "the endpoint", *kinds)
    yield Use(quota_name, 2 * kept, "an update of the endpoint, old and new side by side", is_needed_at_once=False)
    later = ("EndpointInstanceType", "ScalingMaxInstances")
    yield Use(quota_name, most, "autoscaling at its most", *later, is_needed_at_once=False)
    yield Use(ALL_ENDPOINTS, first, "the endpoint")
    yield Use(ALL_ENDPOINTS, max(2 * kept, most), "updates and autoscaling", is_needed_at_once=False)


def judge(wanted: list[Use], quotas: Mapping[str, Quota], region: str) -> list[Finding]:
    """Return a finding for each use; a quota that the account does not list is unknown."""
    return [_judge_one(use, quotas, region) for use in wanted]


def _judge_one(use: Use, quotas: Mapping[str, Quota], region: str) -> Finding:
    subject, need = f"SageMaker, {use.quota_name}", f"{use.num_instances} ({use.why})"
    quota = quotas.get(use.quota_name)
    if quota is None:
        return Finding(subject, "not listed", need, Verdict.UNKNOWN, _other_type(use, quotas))
    have = f"{quota.value:g}"
    if quota.value >= use.num_instances:
        return Finding(subject, have, need, Verdict.FITS)
    remedies = (*_fewer(use, quota), *_other_type(use, quotas), _ask_for_more(quota, use.num_instances, region))
    return Finding(subject, have, need, Verdict.BLOCKS if use.is_needed_at_once else Verdict.WARNS, remedies)


def _fewer(use: Use, quota: Quota) -> tuple[str, ...]:
    """Return the count that fits today, if any does."""
    if not use.count_parameter or quota.value < 1:
        return ()
    return (f"--parameter {use.count_parameter}={quota.value:g}",)


def _other_type(use: Use, quotas: Mapping[str, Quota]) -> tuple[str, ...]:
    """Return the smallest type of the same kind (with a GPU or without) that the account has enough of, if any is."""
    if not use.type_parameter:
        return ()
    own, _, usage = use.quota_name.partition(" ")
    fitting = [
        name.removesuffix(f" {usage}")
        for name, quota in quotas.items()
        if name.endswith(f" {usage}") and name.startswith("ml.") and quota.value >= use.num_instances
    ]
    like = [name for name in fitting if name.startswith(_GPU_FAMILIES) == own.startswith(_GPU_FAMILIES)]
    return (f"--parameter {use.type_parameter}={min(like, key=_size)}",) if like else ()


_SIZES = ("medium", "large", "xlarge")


def _size(instance_type: str) -> tuple[int, int, str]:
    """Return a key that puts a smaller instance first, and of equal ones the general-purpose family."""
    _, family, size = instance_type.split(".")
    number = int(size.removesuffix("xlarge") or 1) if size.endswith("xlarge") else 0
    rank = _SIZES.index(size) if size in _SIZES else len(_SIZES) + number
    return rank, 0 if family.startswith("m") else 1, instance_type


def _ask_for_more(quota: Quota, num_instances: int, region: str) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code {quota.code}"
        f" --desired-value {num_instances} --region {region}"
    )
