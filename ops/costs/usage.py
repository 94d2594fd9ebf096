"""What a stack has used in some days, as its records and CloudWatch count it.

Source: CloudWatch metrics of Lambda (Duration in milliseconds), of endpoints (CPUUtilization: a sample a minute from
each instance, so that samples are instance-minutes), of S3 (BucketSizeBytes, once a day) and of Logs (IncomingBytes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from handlers.contract.names import VARIANT_NAME
from handlers.ledger import Run
from ops import metrics
from ops.metrics import DAY, Metric
from ops.runs import executions
from ops.session import Session
from ops.stack.stacks import Stack

_GIGABYTE = 1e9
_AT_A_TIME = 8
_SHORTEST = timedelta(minutes=1)  # CloudWatch's own grain


@dataclass(frozen=True)
class Function:
    """What a function did: how often, and for how long."""

    name: str
    gigabytes: float
    invocations: float = 0.0
    seconds: float = 0.0

    @property
    def gb_seconds(self) -> float:
        """Return what Lambda bills by, beside invocations."""
        return self.gigabytes * self.seconds


@dataclass(frozen=True)
class Usage:
    """What was used in some days, in what AWS bills by; None where nothing has counted it."""

    days: float
    runs: Sequence[Run] = ()
    instance_hours: float = 0.0
    container_seconds: float = 0.0  # of a serverless endpoint
    predict: Function = field(default_factory=lambda: Function("predict", 1.0))
    others: Sequence[Function] = ()
    stored_gb: float | None = None
    logged_gb: float | None = None


def usage(session: Session, stack: Stack, days: float) -> Usage:
    """Return what the stack has used in the last `days`, or since it was made."""
    end = datetime.now(UTC)
    asked = end - timedelta(days=days)
    start = max(asked, start_of(_made_at(session), end))
    functions = _with_work(session, _functions(session), start, end)
    predict = stack.output("PredictFunctionName")
    return Usage(
        days=max(0.0, (end - start) / timedelta(days=1)),
        runs=runs_since(
            Run.all(executions.ledger(session, stack)), asked
        ),  # by the functions' clock, not CloudFormation's
        instance_hours=(_total(session, _cpu_samples(session, stack), start, end) or 0.0) / 60,
        container_seconds=container_seconds(session, stack, start, end),
        predict=next((each for each in functions if each.name == predict), Function(predict, 1.0)),
        others=[each for each in functions if each.name != predict],
        stored_gb=_gigabytes(metrics.level(session, _size(stack), end)),
        logged_gb=_gigabytes(_total(session, [_log_bytes(each) for each in functions], start, end)),
    )


def start_of(made_at: datetime, now: datetime) -> datetime:
    """Return from when on a stack is asked for; CloudWatch refuses times that end before they start.

    AWS's clock says when the stack was made and this machine's what time it is, which may be behind.
    """
    return min(made_at, now - _SHORTEST)


def runs_since(runs: Iterable[Run], start: datetime) -> list[Run]:
    """Return the runs that were started since a time."""
    return [run for run in runs if run.started_at and datetime.fromisoformat(run.started_at) >= start]


def _made_at(session: Session) -> datetime:
    (described,) = session.cloudformation.describe_stacks(StackName=session.stack_name)["Stacks"]
    return described["CreationTime"]


def _functions(session: Session) -> list[Function]:
    """Return the functions that the stack's template has made, with their memory."""
    pages = session.cloudformation.get_paginator("list_stack_resources").paginate(StackName=session.stack_name)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    own = {each.get("PhysicalResourceId") for each in resources if each["ResourceType"] == "AWS::Lambda::Function"}
    named = sorted(name for name in own if name)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        described = pool.map(lambda name: session.functions.get_function(FunctionName=name)["Configuration"], named)
        return [Function(each["FunctionName"], each["MemorySize"] / 1024) for each in described]


def _with_work(session: Session, functions: Sequence[Function], start: datetime, end: datetime) -> list[Function]:
    wanted = [
        Metric("AWS/Lambda", name, {"FunctionName": function.name})
        for name in ("Invocations", "Duration")
        for function in functions
    ]
    values = [value or 0.0 for value in metrics.sums(session, wanted, start, end)]
    counts, milliseconds = values[: len(functions)], values[len(functions) :]
    return [
        replace(function, invocations=count, seconds=length / 1000)
        for function, count, length in zip(functions, counts, milliseconds, strict=True)
    ]


def _cpu_samples(session: Session, stack: Stack) -> list[Metric]:
    """Return the samples of every variant that the endpoint has had in the last two weeks, shadows too."""
    named = [{"Name": "EndpointName", "Value": stack.output("EndpointName")}]
    listed = session.client("cloudwatch").list_metrics(
        Namespace="/aws/sagemaker/Endpoints", MetricName="CPUUtilization", Dimensions=named
    )
    dimensions = [{one["Name"]: one["Value"] for one in each["Dimensions"]} for each in listed["Metrics"]]
    return [
        Metric("/aws/sagemaker/Endpoints", "CPUUtilization", each, "SampleCount")
        for each in dimensions
        if each.keys() == {"EndpointName", "VariantName"}
    ]


def container_seconds(session: Session, stack: Stack, start: datetime, end: datetime) -> float:
    """Return how long serverless containers were at work: the answers' time in minutes that no instance told of.

    Source: SageMaker developer guide, "Monitor a serverless endpoint": ModelSetupTime is of containers alone.
    """
    named = {"EndpointName": stack.output("EndpointName"), "VariantName": VARIANT_NAME}
    if stack.parameters.get("EndpointKind") != "serverless" and not _total(
        session, [Metric("AWS/SageMaker", "ModelSetupTime", named)], start, end
    ):
        return 0.0
    period = metrics.finest(start, end)
    wanted = [Metric("AWS/SageMaker", "ModelLatency", named), *_cpu_samples(session, stack)]
    at_work, *samples = metrics.series(session, [replace(each, period=period) for each in wanted], start, end)
    of_instances = {at for values in samples for at, _ in values}
    return sum(microseconds for at, microseconds in at_work if at not in of_instances) / 1e6


def _size(stack: Stack) -> Metric:
    dimensions = {"BucketName": stack.output("DataBucketName"), "StorageType": "StandardStorage"}
    return Metric("AWS/S3", "BucketSizeBytes", dimensions, "Average", DAY)


def _log_bytes(function: Function) -> Metric:
    return Metric("AWS/Logs", "IncomingBytes", {"LogGroupName": f"/aws/lambda/{function.name}"})


def _total(session: Session, wanted: Sequence[Metric], start: datetime, end: datetime) -> float | None:
    values = [value for value in metrics.sums(session, wanted, start, end) if value is not None]
    return sum(values) if values else None


def _gigabytes(number: float | None) -> float | None:
    return None if number is None else number / _GIGABYTE
