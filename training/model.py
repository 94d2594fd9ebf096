"""Networks by torchvision name, with a head for our classes; rebuilt identically by training and by the endpoint."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training import torchvision_ops  # noqa: F401 - must come before torchvision
from training.errors import ConfigError, WeightsError
from training.preprocessing import Preprocessing, normalise

# Families whose last Linear is the classifier and which take images of any size of 32 pixels and more.
FAMILIES = ("resnet", "resnext", "wide_resnet", "mobilenet_v3_", "efficientnet_", "convnext_", "regnet_")
TRUNKS = ("features", "trunk_output")  # hold the stages in all families but resnet's


@dataclass(frozen=True)
class ModelSpec:
    """All that is needed to build the network again; saved in model.json."""

    model_name: str
    num_classes: int
    dropout: float = 0.0
    head: str = "linear"  # or mlp: with one hidden layer
    head_width: int = 512  # of the hidden layer

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

    return [name for name in models.list_models(module=models) if name.startswith(FAMILIES)]


def build_model(spec: ModelSpec) -> nn.Module:
    """Return the network of `spec` with random weights drawn from torch's global generator.

    Raises:
        ConfigError: the name is not one of `known_model_names()`.
    """
    from torchvision import models

    if spec.model_name not in known_model_names():
        raise ConfigError(f"model_name {spec.model_name!r} is not known; use one of {', '.join(known_model_names())}")
    model: nn.Module = models.get_model(spec.model_name, weights=None)
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


def backbone_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights and buffers of all but the head."""
    head = head_name(model)
    return {name: value for name, value in model.state_dict().items() if not name.startswith(f"{head}.")}


def predict_logits(model: nn.Module, images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Return float32 logits (B, num_classes) of uint8 `images` (B, 3, H, W), in evaluation and inference alike.

    `model` must be in eval mode: setting it here would cost every request a walk over all layers.
    """
    device = next(model.parameters()).device
    with torch.inference_mode():
        batch = normalise(images.to(device), preprocessing).contiguous(memory_format=torch.channels_last)
        logits: Tensor = model(batch)
    return logits.float()


def freeze_backbone(model: nn.Module) -> None:
    """Leave only the head trainable."""
    set_trainable_stages(model, 0)


def set_trainable_stages(model: nn.Module, depth: int) -> None:
    """Make the head and the last `depth` stages of the backbone trainable; all of them if `depth` is negative."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad = depth < 0 or stage_of(model, name) <= depth


def set_training_mode(model: nn.Module) -> None:
    """Put `model` in training mode; frozen stages stay in eval mode, so their batch statistics stay as they were."""
    frozen = any(not parameter.requires_grad for parameter in model.parameters())
    model.train(not frozen)
    for names in stages(model) if frozen else ():
        for module in map(model.get_submodule, names):
            module.train(any(parameter.requires_grad for parameter in module.parameters()))


def stages(model: nn.Module) -> list[list[str]]:
    """Return the names of the modules of each stage, from the head (stage 0) back to the stem.

    A stage is what torchvision makes a child of the network or of its trunk, such as resnet's layer4. Single layers
    that follow one another are one stage, as are the layers right before the head and the stage they follow.
    """
    head = head_name(model)
    if not head:  # `model` is a head on its own
        return [[""]]
    found: list[list[str]] = []
    last_is_layer = False
    for name, module in _blocks(model, head):
        is_layer = not list(module.children())
        if found and ((is_layer and last_is_layer) or name.startswith(f"{head.partition('.')[0]}.")):
            found[-1].append(name)
        else:
            found.append([name])
        last_is_layer = is_layer
    return [[head], *reversed(found)]


def stage_of(model: nn.Module, parameter_name: str) -> int:
    """Return the number of the stage that holds the parameter; the head is 0."""
    for number, names in enumerate(stages(model)):
        if any(not name or parameter_name.startswith(f"{name}.") for name in names):
            return number
    raise AssertionError(f"parameter {parameter_name!r} is in no stage")


def _blocks(model: nn.Module, head: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules with parameters, but the head, in their order; trunks and the head's own parent are opened."""
    for name, child in model.named_children():
        opened = name in TRUNKS or head.startswith(f"{name}.")
        named = [(f"{name}.{inner}", module) for inner, module in child.named_children()] if opened else [(name, child)]
        for full_name, module in named:
            if full_name != head and any(True for _ in module.parameters()):
                yield full_name, module


def load_imagenet_weights(model: nn.Module, model_name: str) -> list[str]:
    """Download torchvision's ImageNet weights into `model`; return the names of what was left out (the head)."""
    from torchvision import models

    try:
        weights = models.get_model_weights(model_name).DEFAULT
        state = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"ImageNet weights of {model_name!r} cannot be downloaded ({error}); "
            "use weights=none, or put a state_dict file into a 'weights' channel and use weights=channel"
        ) from error
    return load_state(model, state)


def load_weights_file(model: nn.Module, folder: Path) -> list[str]:
    """Load the only .pt or .pth state_dict in `folder` into `model`; return the names of what was left out (the head).

    Raises:
        WeightsError: no or several files, no plain state_dict, or another network's.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".pt", ".pth")) if folder.is_dir() else []
    if len(files) != 1:
        names = [path.name for path in files]
        raise WeightsError(f"the weights channel {str(folder)!r} holds {names}; exactly one .pt or .pth file is needed")
    try:
        state = torch.load(files[0], map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch raises anything on a damaged or unsafe file
        reason = str(error).splitlines()[0]
        raise WeightsError(f"weights file {files[0].name!r} cannot be read as a state_dict: {reason}") from error
    return load_state(model, _plain_state(state, files[0].name))


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Copy `state` into `model`; a head of another shape is left out and its names returned.

    Raises:
        WeightsError: anything but the head is missing or has another shape.
    """
    own = model.state_dict()
    head = head_name(model)
    given = {_own_name(name, head): value for name, value in state.items()}
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    absent = [name for name in own if name not in fitting]
    wrong = [name for name in absent if not name.startswith(f"{head}.") and not name.endswith("num_batches_tracked")]
    if wrong:
        raise WeightsError(
            f"the weights do not fit the network: {len(wrong)} of its {len(own)} tensors are missing or have another "
            f"shape, the first {wrong[0]!r}; use the weights of the same model_name"
        )
    model.load_state_dict({**own, **fitting})
    return [name for name in absent if name.startswith(f"{head}.")]


def _plain_state(state: object, file_name: str) -> dict[str, Tensor]:
    """Unwrap {"state_dict": ...} or {"model": ...} and the "module." prefix that DDP leaves."""
    if isinstance(state, Mapping):
        for key in ("state_dict", "model"):
            if isinstance(state.get(key), Mapping):
                state = state[key]
                break
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"weights file {file_name!r} holds no state_dict (names to tensors)")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def _own_name(name: str, head: str) -> str:
    """torchvision's head is a bare Linear: its 'fc.weight' is 'fc.1.weight' here."""
    match = re.fullmatch(rf"{re.escape(head)}\.(weight|bias)", name)
    return f"{head}.1.{match[1]}" if match else name


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
