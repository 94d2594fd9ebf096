"""What SageMaker reads from the output of training/train.py: one regular expression a metric.

train.py prints one line an epoch and two at its end. SAMPLE_LINES are such lines; a test holds them to what train.py
really prints, and StartTuningJob tries the objective on them before it pays for a job.
"""

import re

from handlers.contract.errors import SettingsError

OBJECTIVE_METRIC = "validation:best_top1"
_NUMBER = "(nan|[+-]?inf|[0-9.eE+-]+)"

METRIC_DEFINITIONS = [
    {"Name": "train:loss", "Regex": f"train_loss={_NUMBER}"},
    {"Name": "train:top1", "Regex": f"train_top1={_NUMBER}"},
    {"Name": "validation:loss", "Regex": f"validation_loss={_NUMBER}"},
    {"Name": "validation:top1", "Regex": f"(?<!best_)validation_top1={_NUMBER}"},
    # Also in the line of every epoch, which is what early stopping and Hyperband decide by.
    {"Name": OBJECTIVE_METRIC, "Regex": f"best_validation_top1={_NUMBER}"},
    {"Name": "test:top1", "Regex": f"test_top1={_NUMBER}"},
]
SAMPLE_LINES = (
    "epoch=3 train_loss=0.1234 train_top1=0.9876 validation_loss=0.2345 validation_top1=0.9321 seconds=1.23 "
    "images_per_second=456 best_validation_top1=0.9500",
    "best_epoch=2 best_validation_top1=0.9500",
)
_SAMPLE_OBJECTIVE = 0.95


def read(name: str, line: str) -> list[float]:
    """Return the values of the metric `name` in a line of the log."""
    regex = next(one["Regex"] for one in METRIC_DEFINITIONS if one["Name"] == name)
    return [float(value) for value in re.findall(regex, line)]


def check_objective() -> None:
    """Prove that the objective is read, once, from an epoch's line and from the last one.

    Raises:
        SettingsError: it is not; a tuning job would train for nothing.
    """
    for line in SAMPLE_LINES:
        if read(OBJECTIVE_METRIC, line) != [_SAMPLE_OBJECTIVE]:
            raise SettingsError(
                f"metric {OBJECTIVE_METRIC!r}: its regex finds {read(OBJECTIVE_METRIC, line)} in {line!r}; correct "
                f"handlers/training_jobs/metrics.py to what training/train.py prints"
            )
