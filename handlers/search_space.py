"""The hyperparameters that the tuning job varies, in SageMaker's form; the only place that says their ranges."""

from typing import Any

from handlers.settings import Settings

OBJECTIVE_METRIC = "validation:best_top1"
_BATCH_SIZES = ["32", "64"]  # 16 took 1.6 to 2 times as long as 32 on a CPU and scored no better (docs/experiments.md)
_SMALL = "0.000001"  # a logarithmic range cannot begin at 0


def learning_rates(settings: Settings) -> tuple[str, str]:
    """Return the least and greatest learning rate of AdamW: a fresh head bears more than pretrained weights do."""
    if settings.trainable == "head":
        return "0.0003", "0.03"
    return ("0.0003", "0.01") if settings.weights == "none" else ("0.00001", "0.001")


def parameter_ranges(settings: Settings) -> dict[str, Any]:
    """Return ParameterRanges for the tuning strategy; Grid takes categorical values only."""
    low, high = learning_rates(settings)
    if settings.tuning_strategy == "Grid":
        middle = f"{(float(low) * float(high)) ** 0.5:.6f}"
        return {
            "CategoricalParameterRanges": [
                {"Name": "lr", "Values": [low, middle, high]},
                {"Name": "batch_size", "Values": _BATCH_SIZES},
            ]
        }
    return {
        "ContinuousParameterRanges": [
            {"Name": "lr", "MinValue": low, "MaxValue": high, "ScalingType": "Logarithmic"},
            {"Name": "weight_decay", "MinValue": _SMALL, "MaxValue": "0.1", "ScalingType": "Logarithmic"},
            {"Name": "label_smoothing", "MinValue": "0.0", "MaxValue": "0.2", "ScalingType": "Linear"},
            {"Name": "dropout", "MinValue": "0.0", "MaxValue": "0.5", "ScalingType": "Linear"},
        ],
        "CategoricalParameterRanges": [{"Name": "batch_size", "Values": _BATCH_SIZES}],
    }


def untuned(settings: Settings) -> dict[str, Any]:
    """Return values for the hyperparameters that the strategy leaves out, so that every job gets all of them."""
    if settings.tuning_strategy == "Grid":
        return {"weight_decay": 0.01, "label_smoothing": 0.1, "dropout": 0.2}
    return {}
