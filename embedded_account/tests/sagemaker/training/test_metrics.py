"""How metrics are read out of log lines."""

import math
from datetime import UTC, datetime

from embedded_account.sagemaker.training.metrics import MetricReader

_NOW = datetime(2026, 11, 21, tzinfo=UTC)


def _reader(**regexes: str) -> MetricReader:
    return MetricReader([{"Name": name, "Regex": regex} for name, regex in regexes.items()])


def test_last_value_is_final() -> None:
    """The history keeps all values in order; FinalMetricDataList the last of each metric.

    Source: SageMaker API reference, MetricDefinition.
    """
    reader = _reader(loss=r"loss=([0-9.]+)", top1=r"top1=([0-9.]+)")

    for line in ("epoch=1 loss=0.5 top1=0.8", "nothing", "epoch=2 loss=0.25"):
        reader.read(line, _NOW)

    assert reader.history("loss") == [0.5, 0.25]
    assert reader.final() == [
        {"MetricName": "loss", "Value": 0.25, "Timestamp": _NOW},
        {"MetricName": "top1", "Value": 0.8, "Timestamp": _NOW},
    ]


def test_not_a_number_is_a_value() -> None:
    """A diverged loss is shown as what it is and is not finite.

    Source: SageMaker API reference, MetricDefinition.
    """
    reader = _reader(loss=r"loss=(\S+)")

    nan, infinite = (reader.read(f"loss={text}", _NOW)[0] for text in ("nan", "-inf"))

    assert math.isnan(nan.value)
    assert infinite.value == -math.inf
    assert not nan.is_finite
    assert not infinite.is_finite


def test_text_that_is_no_number_is_passed_over() -> None:
    """A loose regular expression does not break the job.

    Source: SageMaker API reference, MetricDefinition.
    """
    assert _reader(loss=r"loss=(\S+)").read("loss=high", _NOW) == []


def test_regex_without_a_group_takes_the_whole_match() -> None:
    """The match itself is the value then.

    Source: SageMaker API reference, MetricDefinition.
    """
    assert [metric.value for metric in _reader(n=r"\d+").read("12 of 30", _NOW)] == [12.0, 30.0]
