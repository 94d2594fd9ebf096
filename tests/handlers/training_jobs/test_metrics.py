"""handlers/training_jobs/metrics.py: what SageMaker reads from the lines that training/train.py really prints."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.contract.errors import SettingsError
from handlers.training_jobs import metrics
from training.optimisation.scores import Metrics
from training.optimisation.state import EpochResult
from training.train import epoch_line

_NUMBERS = st.floats() | st.floats(0, 1)


def scraped(line):
    """Return metric -> value, as SageMaker reads a line."""
    values = {}
    for definition in metrics.METRIC_DEFINITIONS:
        if match := re.search(definition["Regex"], line):
            values[definition["Name"]] = match[1]
    return values


@given(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS)
def test_epoch_line_gives_four_metrics(train_loss, train_top1, validation_loss, validation_top1):
    """Any number Python prints is read whole, NaN and infinity too; an epoch never looks like a best or a test."""
    line = (
        f"epoch=3 train_loss={train_loss} train_top1={train_top1} validation_loss={validation_loss} "
        f"validation_top1={validation_top1} seconds=1.23 images_per_second=456"
    )

    assert scraped(line) == {
        "train:loss": str(train_loss),
        "train:top1": str(train_top1),
        "validation:loss": str(validation_loss),
        "validation:top1": str(validation_top1),
    }


@given(_NUMBERS)
def test_best_line_gives_the_objective_alone(best):
    """best_validation_top1 is not taken for an epoch's validation_top1."""
    assert scraped(f"best_epoch=7 best_validation_top1={best}") == {"validation:best_top1": str(best)}


@given(_NUMBERS)
def test_test_line_gives_the_test_accuracy(top1):
    """The loss beside it is no metric."""
    assert scraped(f"test_loss=0.25 test_top1={top1}") == {"test:top1": str(top1)}


def test_objective_is_a_metric():
    """The tuning job maximises something that is read."""
    assert metrics.OBJECTIVE_METRIC in {definition["Name"] for definition in metrics.METRIC_DEFINITIONS}


def _result(epoch, top1):
    return EpochResult(epoch, Metrics(0.1234, 0.9876), Metrics(0.2345, top1), 1.23, 456.0)


def test_epoch_line_holds_every_metric_and_the_objective_once():
    """train.py's own line, as the tuning job reads it: the best epoch so far is the objective, this one is not."""
    line = epoch_line(_result(3, 0.9321), _result(2, 0.95))

    assert line == metrics.SAMPLE_LINES[0]
    assert scraped(line) == {
        "train:loss": "0.1234",
        "train:top1": "0.9876",
        "validation:loss": "0.2345",
        "validation:top1": "0.9321",
        "validation:best_top1": "0.9500",
    }
    assert metrics.read(metrics.OBJECTIVE_METRIC, line) == [0.95]


def test_objective_is_proven_before_a_job_is_paid_for(monkeypatch):
    """A regex that no longer fits what is printed is named, with the line."""
    metrics.check_objective()
    monkeypatch.setattr(metrics, "SAMPLE_LINES", ("best_top1=0.9500",))

    with pytest.raises(SettingsError, match=r"its regex finds \[\] in 'best_top1=0.9500'"):
        metrics.check_objective()
