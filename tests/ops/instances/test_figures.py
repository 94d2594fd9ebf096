"""What a try says of a whole training."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.instances.figures import Figures, figures, rows, sentence
from ops.instances.shapes import Shape

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_JOB = {
    "CreationTime": _BEGAN - timedelta(seconds=120),
    "TrainingStartTime": _BEGAN,
    "TrainingEndTime": _BEGAN + timedelta(seconds=100),
}
_LINES = [
    "train.py begins",
    "epoch=1 train_loss=1.0 seconds=40.0 images_per_second=50",
    "epoch=2 train_loss=0.9 seconds=20.0 images_per_second=100",
    "epoch=3 train_loss=0.8 seconds=20.0 images_per_second=100",
]


def _measured(count: int, epoch: float, dollars: float | None = 1.0) -> Figures:
    return Figures(Shape("ml.m5.large", count), 100.0, epoch, 60.0, 120.0, dollars)


def test_the_first_epoch_is_no_measure_of_the_rest() -> None:
    """Its warming up counts once, beside the epochs."""
    one = figures(Shape("ml.m5.large", 1), _JOB, _LINES, 3.6)

    assert one is not None
    assert (one.images_per_second, one.epoch, one.overhead, one.start) == (100.0, 20.0, 40.0, 120.0)
    assert one.seconds(10) == 120 + 40 + 200
    assert one.dollars(10) == pytest.approx(0.24)
    assert one.dollars_a_million == pytest.approx(10.0)


def test_a_single_epoch_has_to_do() -> None:
    """With --epochs 1 the one there is counts."""
    one = figures(Shape("ml.m5.large", 1), _JOB, _LINES[:2], None)

    assert one is not None
    assert (one.images_per_second, one.dollars(5), one.dollars_a_million) == (50.0, None, None)


def test_a_log_without_epochs_measures_nothing() -> None:
    """Lines may come later than the job's end."""
    assert figures(Shape("ml.m5.large", 1), _JOB, ["something"], 1.0) is None


def test_the_fastest_and_the_cheapest_are_marked() -> None:
    """Five instances may be faster and dearer; that is the decision."""
    one, five = _measured(1, 100.0), _measured(5, 30.0)

    assert [row[-1] for row in rows([one, five], 20)] == ["cheapest", "fastest"]
    assert (
        sentence([one, five], 20)
        == "5 x ml.m5.large ends 23 min 20 s before 1 x ml.m5.large and costs 1.6 times as much"
    )
    assert "both the fastest and the cheapest" in sentence([one, _measured(5, 100.0)], 20)


def test_without_prices_the_times_remain() -> None:
    """Where nobody has said what an instance costs, nothing is called the cheapest."""
    one = _measured(1, 100.0, dollars=None)

    assert rows([one], 20)[0][-2:] == ["unknown", "fastest"]
    assert sentence([one], 20) == ""
