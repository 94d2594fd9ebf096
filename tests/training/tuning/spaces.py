"""Ranges as SageMaker's tuning jobs take them."""

from typing import Any

SPACE: dict[str, Any] = {
    "ContinuousParameterRanges": [
        {"Name": "lr", "MinValue": "0.0003", "MaxValue": "0.03", "ScalingType": "Logarithmic"},
        {"Name": "dropout", "MinValue": "0.0", "MaxValue": "0.5", "ScalingType": "Linear"},
    ],
    "CategoricalParameterRanges": [
        {"Name": "head", "Values": ['"linear"', '"mlp"']},
        {"Name": "batch_size", "Values": ["32", "64"]},
    ],
}
GRID = {"CategoricalParameterRanges": SPACE["CategoricalParameterRanges"]}
