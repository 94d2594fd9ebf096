"""What one execution may cost at most, and what a month of the stack costs, before either is paid.

A run's limits are those that its jobs are started with, so nothing of the most is estimated: most executions take a
fraction of it, and what earlier ones took is told beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from handlers.contract.spending import Share, shares
from ops.prices import items
from ops.prices.book import Prices
from ops.prices.words import money

HOURS = 730  # of a month
PREDICT_GB = 1.0  # MemorySize of the prediction function
_PREDICTION_SECONDS = 0.1
# Of SQS, at 0.40 a million requests: five pollers that ask every 20 s; a send a file, a receive and a delete for ten.
# docs/operating.md has the sum; from https://aws.amazon.com/sqs/pricing/
POLLING_DOLLARS, DROP_DOLLARS = 0.26, 0.50  # a month; a million files
TOPIC_KEY_DOLLARS = 1  # a month, of a KMS key; from https://aws.amazon.com/kms/pricing/
_LEFT_OUT = (
    "not in it: data transfer, requests to S3 and DynamoDB, the disks of jobs and endpoint, traces, alarms ($0.10 a "
    "month each), tax; the free tier and discounts are not taken off, nor what a run finds that an earlier one has paid"
)


def lines(values: Mapping[str, str], prices: Prices, earlier: Sequence[float] = ()) -> list[str]:
    """Return the budget: one execution, a month, and what is left out; `earlier` are dollars of runs that trained."""
    words = prices.words(*items.of_stack(values))
    return [f"US dollars ({words})", *run_lines(values, prices, earlier), *month_lines(values, prices), _LEFT_OUT]


def run_lines(values: Mapping[str, str], prices: Prices, earlier: Sequence[float] = ()) -> list[str]:
    """Return what one execution is expected to cost, and its most, one line a kind of job."""
    jobs = shares(values, of_archive=True)
    most = most_dollars(jobs, prices)
    spot = "; spot instances, which are asked for, cost less" if values["UseSpot"] == "true" else ""
    return [
        f"one run: {_expected(earlier)}; at most {money(most)}{spot}",
        *(f"  {_share_line(share, prices)}" for share in jobs),
        *_shadow_lines(values, prices),
        *_limit_lines(float(values.get("MaxRunDollars", "0")), most),
    ]


def most_dollars(jobs: Sequence[Share], prices: Prices) -> float | None:
    """Return what an execution costs where every job runs into its limit; None where a price is not known."""
    costs = [_dollars(share, prices) for share in jobs]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def month_lines(values: Mapping[str, str], prices: Prices) -> list[str]:
    """Return what is paid by the month, and by what is stored and asked."""
    stored, taken_in, kept = map(prices.dollars, (items.STORAGE_GB_MONTH, items.LOG_GB, items.LOG_GB_MONTH))
    told = [
        _endpoint_line(values, prices),
        *_provisioned_lines(values, prices),
        f"predictions: {money(_million_predictions(prices))} a million, at {_PREDICTION_SECONDS:g} s each",
        f"storage: {money(stored)} a GB of pictures, models and old versions",
        f"logs: {money(taken_in)} a GB taken in, {money(kept)} a GB and month kept",
        *standing(values),
    ]
    return ["a month:", *(f"  {line}" for line in told)]


def standing(values: Mapping[str, str]) -> list[str]:
    """Return what is paid by the month or by the file, whether or not anything runs, beside endpoint and functions."""
    told = []
    if values.get("SettleSeconds", "0") != "0":
        told.append(
            f"folders that start by themselves: about ${POLLING_DOLLARS:.2f} a month, and ${DROP_DOLLARS:.2f} for a "
            "million files that come or go; SettleSeconds=0 leaves it out"
        )
    if values.get("TopicKey") == "own":
        told.append(f"the notification topic's key: about ${TOPIC_KEY_DOLLARS} a month; TopicKey=none leaves it out")
    return told


def _shadow_lines(values: Mapping[str, str], prices: Prices) -> list[str]:
    """Return what a shadow's instances cost beside those that serve, where one is asked for."""
    percent, seconds = int(values.get("ShadowPercent", "0")), int(values.get("ShadowSeconds", "0"))
    if not percent or not seconds or values.get("EndpointKind") == "serverless":
        return []
    kind, number = values["EndpointInstanceType"], math.ceil(int(values["ScalingMaxInstances"]) * percent / 100)
    price = prices.dollars(items.hosting(kind))
    cost = f"price unknown for {kind} in {prices.region}" if price is None else money(price * seconds / 3600 * number)
    where = f"{number} of {kind} beside the endpoint for {seconds:,} s"
    return [f"  shadow: at most {where}: {cost}; their start and end come to it"]


def _limit_lines(limit: float, most: float | None) -> list[str]:
    if not limit or (most is not None and most <= limit):
        return []
    why = "a price is unknown" if most is None else "the most is above it"
    return [f"  MaxRunDollars={limit:g}: {why}, so no run would be started; lower a time limit, or raise it"]


def _expected(earlier: Sequence[float]) -> str:
    if not earlier:
        return "what to expect is known after the first"
    number = "the last run" if len(earlier) == 1 else f"the last {len(earlier)} runs"
    return f"about {money(median(earlier))}, as {number}"


def _share_line(share: Share, prices: Prices) -> str:
    jobs = "1 job" if share.num_jobs == 1 else f"{share.num_jobs} jobs"
    cost = _dollars(share, prices)
    told = f"price unknown for {share.instance_type} in {prices.region}" if cost is None else money(cost)
    return f"{share.name}: {jobs}, {share.instance_hours:g} instance-hours of {share.instance_type}: {told}"


def _dollars(share: Share, prices: Prices) -> float | None:
    price = prices.dollars(items.training(share.instance_type))
    return None if price is None else price * share.instance_hours


def _endpoint_line(values: Mapping[str, str], prices: Prices) -> str:
    if values.get("EndpointKind") == "serverless":
        size, price = int(values["ServerlessMemoryMb"]), prices.dollars(items.SERVERLESS_GB_SECOND)
        million = None if price is None else 1e6 * _PREDICTION_SECONDS * price * size / 1024
        return f"endpoint: nothing while nobody asks; {money(million)} a million predictions by containers of {size} MB"
    kind, fewest, most = (
        values[name] for name in ("EndpointInstanceType", "ScalingMinInstances", "ScalingMaxInstances")
    )
    price = prices.dollars(items.hosting(kind))
    if price is None:
        return f"endpoint: price unknown for {kind} in {prices.region}"
    least = f"endpoint: {money(price * HOURS * int(fewest))} with {fewest} of {kind}"
    return f"{least}; {money(price * HOURS * int(most))} with {most}, the most" if most != fewest else least


def _provisioned_lines(values: Mapping[str, str], prices: Prices) -> list[str]:
    number, price = int(values["PredictProvisionedConcurrency"]), prices.dollars(items.PROVISIONED_GB_SECOND)
    if not number:
        return []
    cost = None if price is None else number * PREDICT_GB * HOURS * 3600 * price
    return [f"provisioned concurrency: {money(cost)} for {number} environments of {PREDICT_GB:g} GB"]


def _million_predictions(prices: Prices) -> float | None:
    request, second = prices.dollars(items.INVOCATION), prices.dollars(items.GB_SECOND)
    if request is None or second is None:
        return None
    return 1e6 * (request + PREDICT_GB * _PREDICTION_SECONDS * second)
