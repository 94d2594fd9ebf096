"""Features of three classes that overlap: a head learns something of them in an epoch and not all in three."""

import torch

from training.config import TrainingConfig
from training.features.inputs import FeatureInputs
from training.features.store import FeatureSplit
from training.tuning.group import TuningData

CLASSES, FEATURES = 3, 24


def split(name: str, count: int, views: int, seed: int, *, is_spoilt: bool = False) -> FeatureSplit:
    """Return `count` points in `views` variations around the classes' centres; spoilt, one is infinite."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(CLASSES, 1, FEATURES, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(count) % CLASSES
    points = centres[labels] + 2 * torch.randn(count, 1, FEATURES, generator=generator)
    if is_spoilt:
        points[0] = torch.inf
    varied = points + 0.1 * torch.randn(count, views, FEATURES, generator=generator)
    samples = [(f"{name}/{row}.jpg", int(label), "00") for row, label in enumerate(labels)]
    return FeatureSplit(name, samples, [varied.half().numpy()], views)


def clouds(config: TrainingConfig, *, is_spoilt: bool = False) -> TuningData:
    """Return what the heads of a job with these settings are trained and scored on."""
    train, validation = split("train", 96, 3, 1, is_spoilt=is_spoilt), split("validation", 60, 1, 2)
    scale = split("train", 96, 3, 1).scale()
    inputs = (FeatureInputs(each, config, None, scale) for each in (train, validation))
    return TuningData(next(inputs), next(inputs), CLASSES, FEATURES)
