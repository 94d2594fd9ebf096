"""What a request asks of SageMaker Debugger, and what the job's description says of it.

Profiling is carried out, see profiler.py. The hook is kept: the PyTorch images hold no smdebug any more, so that it
saves nothing on AWS either. Rules run in images of AWS's own: they are taken, as AWS takes them, and each is reported
as one that could not be evaluated.

Source: SageMaker developer guide, "Amazon SageMaker Debugger".
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.wiring.refusals import refuse

_PROFILER = {"S3OutputPath", "ProfilingIntervalInMilliseconds", "ProfilingParameters", "DisableProfiler"}
_INTERVALS = (100, 200, 500, 1_000, 5_000, 60_000)  # milliseconds
_DEFAULTS = {"ProfilingIntervalInMilliseconds": 500, "DisableProfiler": False}
_RULES = {
    "DebugRuleConfigurations": "DebugRuleEvaluationStatuses",
    "ProfilerRuleConfigurations": "ProfilerRuleEvaluationStatuses",
}
MEMBERS = {"DebugHookConfig", "ProfilerConfig", *_RULES}
_NOT_EVALUATED = (
    "The embedded account does not carry out the image {image} of this rule: the rule is not evaluated, and the "
    "training job goes on without it."
)


def check(request: Mapping[str, Any], where: str) -> None:
    """Raise what SageMaker answers to a request whose profiler or rules it refuses."""
    profiler = request.get("ProfilerConfig") or {}
    refuse(f"{where}.ProfilerConfig", profiler, _PROFILER)
    interval = profiler.get("ProfilingIntervalInMilliseconds", _INTERVALS[0])
    if interval not in _INTERVALS:
        raise validation_error(
            f"{where}.ProfilerConfig: ProfilingIntervalInMilliseconds: {interval}; it must be one of {_INTERVALS}"
        )
    for member in _RULES:
        names = [rule["RuleConfigurationName"] for rule in request.get(member) or []]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise validation_error(f"{where}.{member}: rule {repeated[0]!r} is given twice; name each once")


def profiles(request: Mapping[str, Any]) -> bool:
    """Say whether the instances of the job that `request` asks for are profiled."""
    profiler = request.get("ProfilerConfig") or {}
    return bool(profiler.get("S3OutputPath")) and not profiler.get("DisableProfiler")


def interval_seconds(request: Mapping[str, Any]) -> float:
    """Return how much time lies between two samples of an instance."""
    profiler = _DEFAULTS | (request.get("ProfilerConfig") or {})
    return float(profiler["ProfilingIntervalInMilliseconds"]) / 1000


def description(request: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the members of DescribeTrainingJob that are about profiling and rules."""
    profiler = request.get("ProfilerConfig")
    described: dict[str, Any] = {"ProfilingStatus": "Enabled" if profiles(request) else "Disabled"}
    if profiler:
        described["ProfilerConfig"] = _DEFAULTS | profiler
    return described | {
        statuses: [_evaluation(rule, now) for rule in request[member]]
        for member, statuses in _RULES.items()
        if request.get(member)
    }


def _evaluation(rule: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "RuleConfigurationName": rule["RuleConfigurationName"],
        "RuleEvaluationStatus": "Error",
        "StatusDetails": _NOT_EVALUATED.format(image=rule["RuleEvaluatorImage"]),
        "LastModifiedTime": now,
    }
