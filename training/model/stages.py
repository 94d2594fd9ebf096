"""Which parts of a network are trained: its stages, counted from the head back to the stem."""

from collections.abc import Iterator

from torch import nn

from inference.model import head_name

# They hold the stages in all families but resnet's.
TRUNKS = ("features", "trunk_output", "encoder", "encoder.layers")


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

    A stage is what torchvision makes a child of the network or of its trunk, such as resnet's layer4. A single layer
    belongs to the stage that it follows, as do the layers right before the head.
    """
    head = head_name(model)
    if not head:  # `model` is a head on its own
        return [[""]]
    grouped: list[list[str]] = []
    for name, module in _blocks(model, "", head):
        is_layer = not list(module.children())
        if grouped and (is_layer or name.startswith(f"{head.partition('.')[0]}.")):
            grouped[-1].append(name)
        else:
            grouped.append([name])
    return [[head], *reversed(grouped)]


def stage_of(model: nn.Module, parameter_name: str) -> int:
    """Return the number of the stage that holds the parameter: 0 is the head, the last the stem and what is in none."""
    numbered = stages(model)
    for number, names in enumerate(numbered):
        if any(not name or parameter_name.startswith(f"{name}.") for name in names):
            return number
    return len(numbered) - 1


def _blocks(module: nn.Module, prefix: str, head: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules with parameters, but the head, in their order; trunks and the head's own parent are opened."""
    for name, child in module.named_children():
        full_name = prefix + name
        if full_name in TRUNKS or head.startswith(f"{full_name}."):
            yield from _blocks(child, f"{full_name}.", head)
        elif full_name != head and any(True for _ in child.parameters()):
            yield full_name, child
