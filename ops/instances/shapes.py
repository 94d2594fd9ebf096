"""Which instances are compared, and the training job that tries one of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_SECONDS = 3600
_COPIED = ("RoleArn", "AlgorithmSpecification", "EnableNetworkIsolation", "VpcConfig")
_OF_THE_CHAMPION = ("champion_name", "champion_problem")
_OF_DISTRIBUTION = ("sagemaker_torch_distributed_enabled", "sagemaker_instance_type")
_MAX_NAME = 63


@dataclass(frozen=True)
class Shape:
    """So many instances of one type."""

    instance_type: str
    count: int

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{self.count} x {self.instance_type}"


def job_request(
    described: Mapping[str, Any], shape: Shape, epochs: int, image_uri: str, tags: list[dict[str, str]]
) -> dict[str, Any]:
    """Return the CreateTrainingJob request that trains as the job `described` did, on `shape`, for a few epochs.

    It scores no model that serves, writes no checkpoints, and is never on spot instances, whose waits are no measure.
    """
    name, data = described["TrainingJobName"], described["OutputDataConfig"]
    copied = {key: described[key] for key in _COPIED if key in described}
    channels = [one for one in described["InputDataConfig"] if one["ChannelName"] != "champion"]
    return {
        **copied,
        "TrainingJobName": job_name(name, shape, epochs),
        "AlgorithmSpecification": {**described["AlgorithmSpecification"], "TrainingImage": image_uri},
        "HyperParameters": hyperparameters(described["HyperParameters"], shape, epochs),
        "InputDataConfig": channels,
        "OutputDataConfig": {**data, "S3OutputPath": f"{data['S3OutputPath'].rstrip('/')}/compare"},
        "ResourceConfig": {
            "InstanceType": shape.instance_type,
            "InstanceCount": shape.count,
            "VolumeSizeInGB": described["ResourceConfig"]["VolumeSizeInGB"],
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": MAX_SECONDS},
        "Tags": tags,
    }


def hyperparameters(given: Mapping[str, str], shape: Shape, epochs: int) -> dict[str, str]:
    """Return the hyperparameters with as many epochs, all of them trained, and what several instances need."""
    left_out = {*_OF_THE_CHAMPION, *_OF_DISTRIBUTION, "profile"}
    kept = {name: value for name, value in given.items() if name not in left_out}
    values: dict[str, object] = {"epochs": epochs, "patience": 0}
    if shape.count > 1:
        values |= {"sagemaker_torch_distributed_enabled": True, "sagemaker_instance_type": shape.instance_type}
    return kept | {name: json.dumps(value) for name, value in values.items()}


def job_name(training_job: str, shape: Shape, epochs: int) -> str:
    """Return the name of the job that tries `shape`: the same each time, so that what was measured is found again."""
    digest = hashlib.sha256(f"{training_job} {shape} {epochs}".encode()).hexdigest()[:8]
    words = f"compare-{shape.count}-{shape.instance_type.replace('.', '-')}-{digest}-{training_job}"
    return words[:_MAX_NAME].rstrip("-")
