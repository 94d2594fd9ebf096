"""The weights that a network starts with: torchvision's, or those of a file."""

import hashlib
import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from inference.model import head_name
from training.errors import WeightsError
from training.model.checkpoint_files import checkpoint_in
from training.shortages import shortage

WRAPPERS = ("state_dict", "model_state_dict", "model")  # keys under which programs keep the weights beside other things
PREFIXES = (
    "module.",
    "_orig_mod.",
    "model.",
    "encoder.",
)  # DDP, torch.compile, Lightning, and self-supervised training

AUXILIARY = "AuxLogits."  # inception_v3's second head, which is not built
# Names of older torchvision versions, which its published files still have, and what they are called now.
RENAMED = (
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)"), r"\1\2"),
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
)
POSITIONS = "encoder.pos_embedding"  # vit's, one for each patch of the side it was trained at


def load_imagenet_weights(model: nn.Module, model_name: str) -> list[str]:
    """Download torchvision's ImageNet weights into `model`; return the names of what was left out (the head)."""
    from torchvision import models

    try:
        weights = models.get_model_weights(model_name).DEFAULT
        state = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        if lacks := shortage(error):
            raise WeightsError(f"ImageNet weights of {model_name!r} cannot be kept: {lacks}") from error
        raise WeightsError(
            f"ImageNet weights of {model_name!r} cannot be downloaded ({error}); "
            "use weights=none, or put a state_dict file into a 'weights' channel and use weights=channel"
        ) from error
    return load_state(model, state)


def load_weights_file(model: nn.Module, folder: Path) -> list[str]:
    """Load the only state_dict file in `folder`, or in the archive there; return what was left out (the head).

    Raises:
        WeightsError: no or several files, no plain state_dict, or another network's.
    """
    with checkpoint_in(folder) as path:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # noqa: BLE001 - torch raises anything on a damaged or unsafe file
            reason = str(error).splitlines()[0]
            raise WeightsError(f"weights file {path.name!r} cannot be read as a state_dict: {reason}") from error
        return load_state(model, _plain_state(state, path.name))


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Copy `state` into `model`; a head of another shape is left out and its names returned.

    Raises:
        WeightsError: anything but the head is missing, is there beside what the network has, or has another shape.
    """
    own = model.state_dict()
    head = head_name(model)
    given = {_own_name(name, head, own): value for name, value in state.items()}
    given = {name: value for name, value in given.items() if not name.startswith(AUXILIARY)}
    if POSITIONS in own and POSITIONS in given:
        given[POSITIONS] = _resized_positions(given[POSITIONS], own[POSITIONS])
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    absent = [name for name in own if name not in fitting]
    wrong = [name for name in absent if not name.startswith(f"{head}.") and not name.endswith("num_batches_tracked")]
    if wrong:
        raise WeightsError(
            f"the weights do not fit the network: {len(wrong)} of its {len(own)} tensors are missing or have another "
            f"shape, the first {wrong[0]!r}; use the weights of the same model_name"
        )
    surplus = [name for name in given if name not in own and not name.startswith(f"{head}.")]
    if surplus:
        raise WeightsError(
            f"the weights do not fit the network: {len(surplus)} of their {len(given)} tensors are none of its own, "
            f"the first {surplus[0]!r}; use the weights of the same model_name"
        )
    model.load_state_dict({**own, **fitting})
    return [name for name in absent if name.startswith(f"{head}.")]


def backbone_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights and buffers of all but the head."""
    head = head_name(model)
    return {name: value for name, value in model.state_dict().items() if not name.startswith(f"{head}.")}


def digest_of(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return a SHA-256 over names and values, in the order of the names."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name}:{value.dtype}:{tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _plain_state(state: object, file_name: str) -> dict[str, Tensor]:
    """Take the names and tensors out of what programs save around them."""
    while isinstance(state, Mapping) and (key := next((key for key in WRAPPERS if _is_mapping(state, key)), "")):
        state = state[key]
    if not isinstance(state, Mapping) or not state:
        raise WeightsError(f"weights file {file_name!r} holds no state_dict (names to tensors)")
    for key, value in state.items():
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise WeightsError(
                f"weights file {file_name!r} holds no state_dict (names to tensors): {key!r} is a {kind}"
            )
    return {str(name): value for name, value in state.items()}


def _is_mapping(state: Mapping[str, object], key: str) -> bool:
    return isinstance(state.get(key), Mapping)


def _own_name(name: str, head: str, own: Mapping[str, Tensor]) -> str:
    """Return what the network calls the tensor: without prefixes, and torchvision's 'fc.weight' is 'fc.1.weight'."""
    for pattern, replacement in RENAMED:
        name = pattern.sub(replacement, name)
    while name not in own and (prefix := next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")):
        name = name.removeprefix(prefix)
    match = re.fullmatch(rf"{re.escape(head)}\.(weight|bias)", name)
    return f"{head}.1.{match[1]}" if match else name


def _resized_positions(given: Tensor, own: Tensor) -> Tensor:
    """Return embeddings (1, 1 + patches, width) of another side for ours, the class token's as it is.

    Source: Dosovitskiy et al., An image is worth 16x16 words, 2021, section 3.2; torchvision does it bicubically.
    """
    sides = [math.isqrt(each.shape[1] - 1) for each in (given, own)]
    if given.ndim != 3 or given.shape[2:] != own.shape[2:] or sides[0] ** 2 != given.shape[1] - 1:
        return given  # of another network, as its shape will show
    token, patches = given[:, :1], given[:, 1:]
    grid = patches.transpose(1, 2).reshape(1, -1, sides[0], sides[0])
    resized = nn.functional.interpolate(grid, (sides[1], sides[1]), mode="bicubic", align_corners=True)
    return torch.cat([token, resized.flatten(2).transpose(1, 2)], dim=1)
