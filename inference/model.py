"""Networks by name with a head for our classes; rebuilt identically by training and by the endpoint."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

import torch
from torch import Tensor, nn

from inference import torchvision_ops  # noqa: F401 - must come before torchvision
from inference.efficientnet_lite import EfficientNetLite0
from inference.preprocessing import EFFICIENTNET_LITE0, Preprocessing

# Families whose last Linear is the classifier; datasets/networks.py says which sides they take.
FAMILIES = (
    "resnet", "resnext", "wide_resnet", "mobilenet_v2", "mobilenet_v3_", "efficientnet_", "convnext_", "regnet_",
    "densenet", "inception_v3", "swin_", "vit_",
)  # fmt: skip


class UnknownModelError(ValueError):
    """There is no network of this name."""


@dataclass(frozen=True)
class ModelSpec:
    """All that is needed to build the network again; saved in model.json."""

    model_name: str
    num_classes: int
    dropout: float = 0.0
    head: str = "linear"  # or mlp: with one hidden layer
    head_width: int = 512  # of the hidden layer
    image_size: int = 224  # side of the input, for families that are built for one

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "ModelSpec":
        """Read back what `to_dict` wrote, among other fields; what an older artifact lacks has its default."""
        return cls(**{field.name: fields[field.name] for field in dataclass_fields(cls) if field.name in fields})

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)


def known_model_names() -> list[str]:
    """Return the names `--model-name` takes."""
    from torchvision import models

    names = [*models.list_models(module=models), EFFICIENTNET_LITE0]
    return sorted(name for name in names if name.startswith(FAMILIES))


def build_model(spec: ModelSpec) -> nn.Module:
    """Return the network of `spec` with random weights drawn from torch's global generator.

    Raises:
        UnknownModelError: the name is not one of `known_model_names()`.
    """
    if spec.model_name not in known_model_names():
        known = ", ".join(known_model_names())
        raise UnknownModelError(f"model_name {spec.model_name!r} is not known; use one of {known}")
    model = _bare_network(spec)
    _replace_head(model, spec)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def make_head(spec: ModelSpec, num_features: int) -> nn.Sequential:
    """Return a new head for features (B, num_features), its weights drawn from torch's global generator."""
    layers: list[nn.Module] = [nn.Dropout(spec.dropout)]
    if spec.head == "mlp":
        layers += [nn.Linear(num_features, spec.head_width), nn.ReLU(), nn.Dropout(spec.dropout)]
        num_features = spec.head_width
    head = nn.Sequential(*layers, nn.Linear(num_features, spec.num_classes))
    head.is_head = True  # type: ignore[assignment]
    return head


def head_name(model: nn.Module) -> str:
    """Return the dotted name of the head, made by `make_head`; it is empty if `model` is a head."""
    return next(str(name) for name, module in model.named_modules() if getattr(module, "is_head", False))


def replace_head(model: nn.Module, head: nn.Module) -> nn.Module:
    """Put `head` in the place of the one that `model` has, and return that."""
    name = head_name(model)
    old = model.get_submodule(name)
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, head)
    return old


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Turn uint8 images (B, 3, H, W) into float32 with the mean taken off and divided by the standard deviation.

    Element by element, so an image comes out the same whatever batch it is in.
    """
    mean = torch.tensor(preprocessing.mean, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=images.device).view(1, 3, 1, 1)
    return images.to(torch.float32).div_(255).sub_(mean).div_(std)


def predict_logits(model: nn.Module, images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Return float32 logits (B, num_classes) of uint8 `images` (B, 3, H, W), in evaluation and inference alike.

    `model` must be in eval mode: setting it here would cost every request a walk over all layers.
    """
    device = next(model.parameters()).device
    with torch.inference_mode():
        batch = normalise(images.to(device), preprocessing).contiguous(memory_format=torch.channels_last)
        logits: Tensor = model(batch)
    return logits.float()


def _bare_network(spec: ModelSpec) -> nn.Module:
    from torchvision import models

    if spec.model_name == EFFICIENTNET_LITE0:
        return EfficientNetLite0()
    options: dict[str, Any] = {}
    if spec.model_name.startswith("vit_"):
        options = {"image_size": spec.image_size}
    elif spec.model_name == "inception_v3":
        # Its published weights want another normalisation than their metadata say, which it does itself. The second
        # head is of no use to a head that is tuned, and drawing its weights by the truncated normal takes 20 s.
        options = {"transform_input": True, "aux_logits": False, "init_weights": False}
    network: nn.Module = models.get_model(spec.model_name, weights=None, **options)
    return network


def _replace_head(model: nn.Module, spec: ModelSpec) -> None:
    name, linear = _last_linear(model)
    parent = model.get_submodule(name.rpartition(".")[0])
    for module in parent.children():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # spec.dropout, just before the Linear, is the only one
    setattr(parent, name.rpartition(".")[2], make_head(spec, linear.in_features))


def _last_linear(model: nn.Module) -> tuple[str, nn.Linear]:
    linears: Iterator[tuple[str, nn.Linear]] = (
        (name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)
    )
    return list(linears)[-1]
