"""What a training makes."""

from dataclasses import dataclass

from torch import nn

from inference.model import ModelSpec
from inference.preprocessing import Preprocessing


@dataclass(frozen=True)
class TrainedModel:
    """A network with all that is needed to serve it."""

    network: nn.Module
    spec: ModelSpec
    preprocessing: Preprocessing
    class_names: list[str]
