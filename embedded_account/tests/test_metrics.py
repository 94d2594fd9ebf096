"""The store of metric samples."""

import pytest
from embedded_account.metrics import MINUTE, Bucket, MetricStore, series_key

KEY = series_key("N", "m", {"b": "2", "a": "1"})


def test_key_ignores_the_order_and_the_form_of_dimensions() -> None:
    """A mapping and CloudWatch's list of names and values name the same metric."""
    assert series_key("N", "m", [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]) == KEY


def test_statistics_of_a_period_are_exact() -> None:
    """Samples of two minutes merge into one longer period."""
    store = MetricStore()
    for at, value in ((0, 1.0), (59, 5.0), (60, 3.0)):
        store.put(KEY, "Count", at, value)

    ((begin, bucket),) = store.periods(KEY, 0, 300, 300)

    assert begin == 0
    assert (bucket.count, bucket.total, bucket.minimum, bucket.maximum) == (3, 9.0, 1.0, 5.0)


def test_periods_outside_of_the_span_are_left_out() -> None:
    """The begin of a period decides: the start is rounded down to one, the end is excluded."""
    store = MetricStore()
    for minute in range(5):
        store.put(KEY, "None", minute * MINUTE, 1.0)

    assert [at for at, _ in store.periods(KEY, 70, 180, MINUTE)] == [60, 120]
    assert store.periods(series_key("N", "other", {}), 0, 600, MINUTE) == []


def test_late_sample_keeps_the_order() -> None:
    """A sample of an earlier minute that comes late is found all the same."""
    store = MetricStore()
    store.put(KEY, "None", 600, 1.0)
    store.put(KEY, "None", 0, 2.0)

    assert [at for at, _ in store.periods(KEY, 0, 660, MINUTE)] == [0, 600]


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (90, 90), (99, 99), (100, 100)])
def test_percentile_of_few_values_is_exact(percent: float, expected: float) -> None:
    """Up to 100 different values a minute, a percentile is one of the samples."""
    bucket = Bucket()
    for value in range(1, 101):
        bucket.add(float(value), 1)

    assert bucket.percentile(percent) == expected


def test_percentile_of_many_values_is_within_one_percent() -> None:
    """Beyond that it is rounded, so that a minute stays small whatever comes."""
    bucket = Bucket()
    for value in range(1, 20_001):
        bucket.add(float(value), 1)

    assert bucket.percentile(50) == pytest.approx(10_000, rel=0.011)
    assert bucket.percentile(99) == pytest.approx(19_800, rel=0.011)
    assert len(bucket.values) < 1_000


def test_store_is_bounded() -> None:
    """The oldest minutes of a metric, and the metrics longest unused, make room."""
    store = MetricStore()
    for minute in range(3_000):
        store.put(KEY, "None", minute * MINUTE, 1.0)
    for number in range(5_100):
        store.put(series_key("N", f"m{number}", {}), "None", 0, 1.0)

    assert len(store.names()) == 5_000
    assert KEY not in store.names()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_sample_must_be_finite(value: float) -> None:
    """CloudWatch takes neither NaN nor infinities."""
    with pytest.raises(ValueError, match="finite"):
        MetricStore().put(KEY, "None", 0, value)
