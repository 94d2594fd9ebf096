"""Parts of an evaluation, with names that no page may run."""

import math
from typing import Any

CLASSES = ["<script>alert(1)</script>", "$5 & 'quoted'", "\N{CJK UNIFIED IDEOGRAPH-8C93}", "dog"]


def epoch(number: int, top1: float) -> dict[str, Any]:
    """Return one row of `epochs`."""
    return {
        "epoch": number,
        "train_loss": math.exp(-number),
        "train_top1": top1,
        "validation_loss": 1.2 * math.exp(-number),
        "validation_top1": top1,
        "seconds": 2.0,
        "images_per_second": 617.0,
        "learning_rate": 0.001 / number,
    }


def untested(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return `evaluation` as it is written where there was no test split."""
    gone = ("test_top1_interval", "test_top5", "macro_f1", "calibration", "mistakes")
    kept = {name: value for name, value in evaluation.items() if name not in gone}
    return kept | {"num_test_images": 0, "test_top1": None, "test_loss": None, "per_class": [], "confusions": []}
