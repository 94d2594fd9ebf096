"""What an account may use: quotas of SageMaker and Lambda, as a settled account has them, or a new one.

A new account's numbers are AWS's choice and differ; these are ones that people have reported: 10 concurrent executions
of Lambda; 4 instances across all training jobs and 3 across endpoints; 0 of most instance types.
Source: Service Quotas user guide; names as ListServiceQuotas gives them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from embedded_account.data_files import data_loader


class AccountKind(StrEnum):
    """How long the account has been in use."""

    SETTLED = "settled"
    NEW = "new"


@dataclass(frozen=True)
class Quota:
    """One quota of a service; `code` is AWS's where it is known, else one of the same form made from the name."""

    service: str
    name: str
    code: str
    value: float
    unit: str = "None"


ALL_TRAINING = "Number of instances across all training jobs"
ALL_ENDPOINTS = "Number of instances across active endpoints"
SERVERLESS = "Maximum total concurrency that can be allocated across all serverless endpoints"
PARALLEL_TUNING = "Maximum number of parallel training jobs per hyperparameter tuning job"
TRAINING, SPOT, ENDPOINT = "training job usage", "spot training job usage", "endpoint usage"
TRANSFORM = "transform job usage"
WARM_POOL = "training warm pool usage"
CONCURRENCY = "Concurrent executions"
_KNOWN_CODES = {
    ALL_TRAINING: "L-00C91CB5",
    ALL_ENDPOINTS: "L-7A3DF611",
    CONCURRENCY: "L-B99A9384",
    SERVERLESS: "L-96300102",
}
_SHAPES = {TRAINING: "TrainingInstanceType", SPOT: "TrainingInstanceType", ENDPOINT: "ProductionVariantInstanceType"}
_SHAPES |= {TRANSFORM: "TransformInstanceType", WARM_POOL: "TrainingInstanceType"}
_TOTALS = {
    AccountKind.SETTLED: {ALL_TRAINING: 100.0, ALL_ENDPOINTS: 100.0, PARALLEL_TUNING: 100.0, SERVERLESS: 200.0},
    AccountKind.NEW: {ALL_TRAINING: 4.0, ALL_ENDPOINTS: 3.0, PARALLEL_TUNING: 10.0, SERVERLESS: 10.0},
}
_CONCURRENCY = {AccountKind.SETTLED: 1000, AccountKind.NEW: 10}
_SETTLED_INSTANCES = 20.0
_NEW_INSTANCES = {  # all other types: 0
    TRAINING: {"ml.m5.large": 2.0, "ml.m4.xlarge": 1.0, "ml.c4.xlarge": 1.0},
    SPOT: {},
    WARM_POOL: {},
    TRANSFORM: {"ml.m4.xlarge": 1.0, "ml.c4.xlarge": 1.0},
    ENDPOINT: {"ml.t2.medium": 2.0, "ml.m4.xlarge": 1.0},
}


def quota_name(instance_type: str, usage: str) -> str:
    """Return the name of the quota of a type for TRAINING, SPOT, TRANSFORM or ENDPOINT."""
    return f"{instance_type} for {usage}"


def lambda_concurrency(kind: AccountKind) -> int:
    """Return how many invocations run at one time in the whole account."""
    return _CONCURRENCY[kind]


def quotas_of(kind: AccountKind) -> dict[str, Quota]:
    """Return the quotas of an account, by name."""
    return {quota.name: quota for quota in _quotas(kind)}


def _quotas(kind: AccountKind) -> Iterator[Quota]:
    yield Quota("lambda", CONCURRENCY, _code(CONCURRENCY), float(_CONCURRENCY[kind]))
    for name, value in _TOTALS[kind].items():
        yield Quota("sagemaker", name, _code(name), value)
    for usage, shape in _SHAPES.items():
        for instance_type in _instance_types(shape):
            name = quota_name(instance_type, usage)
            value = _SETTLED_INSTANCES if kind is AccountKind.SETTLED else _NEW_INSTANCES[usage].get(instance_type, 0.0)
            yield Quota("sagemaker", name, _code(name), value)


def _code(name: str) -> str:
    return _KNOWN_CODES.get(name) or f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


@cache
def _instance_types(shape: str) -> tuple[str, ...]:
    return tuple(data_loader().load_service_model("sagemaker", "service-2")["shapes"][shape]["enum"])
