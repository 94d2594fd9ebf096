"""Whether Lambda's limit and the endpoint's capacity fit each other; it takes a measurement of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from handlers.contract.measurement import Measurement
from ops.preflight.finding import Finding, Verdict
from ops.preflight.lambda_concurrency import Concurrency


def judge(values: Mapping[str, str], account: Concurrency) -> list[Finding]:
    """Return what the predictions that Lambda lets through at one time are to the endpoint at its most.

    By Little's law, so many are under way when the endpoint takes all it can with p95 at its limit; beyond what it
    answers within the time-out, callers wait for nothing. Without a measurement, or without instances, nothing is said.
    """
    measured = Measurement.parse(values.get("ScalingMeasurement", ""))
    if measured is None or values.get("EndpointKind") == "serverless":
        return []
    most, reserved = int(values["ScalingMaxInstances"]), int(values["PredictReservedConcurrency"])
    allowed = reserved or account.unreserved
    per_second = most * measured.per_minute / 60
    fills, useful = (ceil(per_second * each) for each in (measured.p95_ms / 1000, _timeout(values)))
    subject = f"predictions at one time, for {most} of {measured.type} that take {measured.per_minute} a minute each"
    have = f"{allowed} " + ("reserved" if reserved else "that the account has unreserved")
    need = f"{fills} to fill the endpoint, at most {useful} that it answers in time"
    if allowed < fills:
        return [Finding(subject, have, need, Verdict.WARNS, _more(measured, allowed, fills, account))]
    if allowed > useful:
        return [Finding(subject, have, need, Verdict.WARNS, (f"--parameter PredictReservedConcurrency={useful}",))]
    return [Finding(subject, have, need, Verdict.FITS)]


def _timeout(values: Mapping[str, str]) -> float:
    return float(values["EndpointReadTimeoutSeconds"])


def _more(measured: Measurement, allowed: int, fills: int, account: Concurrency) -> tuple[str, ...]:
    """Return what lets the endpoint be filled, or else takes the instances away that Lambda lets nobody use."""
    enough = int(allowed * 60_000 / measured.p95_ms / measured.per_minute)
    remedies = [f"--parameter PredictReservedConcurrency={fills}"] if fills <= account.reservable else []
    return (*remedies, f"--parameter ScalingMaxInstances={max(1, enough)}")
