"""Which parts of a network are trained: its stages, counted from the head back to the stem."""

from collections.abc import Iterator

from torch import nn

from inference.model import head_name

TRUNKS = ("features", "trunk_output")  # hold the stages in all families but resnet's


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
    grouped: list[list[str]] = []
    last_is_layer = False
    for name, module in _blocks(model, head):
        is_layer = not list(module.children())
        if grouped and ((is_layer and last_is_layer) or name.startswith(f"{head.partition('.')[0]}.")):
            grouped[-1].append(name)
        else:
            grouped.append([name])
        last_is_layer = is_layer
    return [[head], *reversed(grouped)]


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
