"""Traffic that an endpoint had, as CloudWatch counted it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil

from handlers.contract.names import VARIANT_NAME
from ops.errors import LoadError, unless_gone
from ops.metrics import Metric, finest, series
from ops.scaling.traces import MINUTE, Trace, of_counts
from ops.session import Session


def from_cloudwatch(session: Session, endpoint_name: str, days: float) -> Trace:
    """Return the invocations of the last `days` of an endpoint; of five minutes each gets a fifth, beyond 15 days.

    Raises:
        LoadError: there is no such endpoint, or nobody has invoked it.
    """
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    start = end - timedelta(minutes=ceil(days * 24 * 60 / 5) * 5)
    period = finest(start, end)
    variant = _variant(session, endpoint_name)
    dimensions = {"EndpointName": endpoint_name, "VariantName": variant or VARIANT_NAME}
    invocations = Metric("AWS/SageMaker", "Invocations", dimensions, period=period)
    (counted,) = series(session, [invocations], start, end)
    num_minutes = int((end - start).total_seconds()) // MINUTE
    counts = [0.0] * num_minutes
    for at, count in counted:
        first = int((at - start).total_seconds()) // MINUTE
        for minute in range(max(0, first), min(num_minutes, first + period // MINUTE)):
            counts[minute] = count / (period // MINUTE)
    if not variant and not any(counts):
        raise LoadError(f"endpoint {endpoint_name!r}: there is none; deploy a model first, or give --pattern")
    if not any(counts):
        raise LoadError(f"endpoint {endpoint_name!r}: no invocation in {days:g} days; give --pattern, or more days")
    return of_counts(f"{endpoint_name}, {days:g} days", counts, start_hour=start.hour)


def _variant(session: Session, endpoint_name: str) -> str:
    """Return the name of the variant that serves; "" where none does, as when the endpoint is stopped."""
    described = unless_gone(session.sagemaker.describe_endpoint, EndpointName=endpoint_name)
    variants = described.get("ProductionVariants", []) if described else []
    return variants[0]["VariantName"] if variants else ""
