"""The statistics of CloudWatch over a span of samples."""

import re

from embedded_account.errors import ServiceError
from embedded_account.metrics import Bucket
from embedded_account.wiring.refusals import not_carried_out

SIMPLE = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_OTHER = re.compile(r"(?:IQM|(?:p|tm|wm|tc|ts)\d|(?:PR|TM|WM|TC|TS)\()")


def check(name: str, parameter: str = "Statistic") -> None:
    """Raise unless `name`, the value of `parameter`, is a statistic that `statistic` gives."""
    if name in SIMPLE or _PERCENTILE.fullmatch(name):
        return
    if _OTHER.match(name):
        raise not_carried_out(f"statistic {name!r}", f"use {', '.join(SIMPLE)} or a percentile such as p99")
    raise ServiceError("InvalidParameterValue", f"The value {name} for parameter {parameter} is not supported.")


def statistic(bucket: Bucket, name: str) -> float:
    """Return the statistic `name` of the samples in `bucket`, of which there is at least one."""
    if name == "SampleCount":
        return bucket.count
    if name == "Average":
        return bucket.total / bucket.count if bucket.count else 0.0
    if name == "Sum":
        return bucket.total
    if name == "Minimum":
        return bucket.minimum
    if name == "Maximum":
        return bucket.maximum
    return bucket.percentile(float(name[1:]))
