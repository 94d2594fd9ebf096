"""Networks: every family takes our head, weights load or say why not, a frozen backbone stays as it was."""

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import nn

from training.errors import ConfigError, WeightsError
from training.model import (
    ModelSpec,
    build_model,
    freeze_backbone,
    head_name,
    known_model_names,
    load_imagenet_weights,
    load_weights_file,
    make_head,
    predict_logits,
    set_trainable_stages,
    set_training_mode,
    stage_of,
    stages,
)
from training.preprocessing import Preprocessing

PREPROCESSING = Preprocessing.for_image_size(32)
ONE_OF_EACH_FAMILY = (
    "resnet18",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "convnext_tiny",
    "regnet_y_400mf",
)


def torchvision_state(model_name: str) -> dict[str, torch.Tensor]:
    from torchvision import models

    state: dict[str, torch.Tensor] = models.get_model(model_name, weights=None).state_dict()
    return state


@pytest.mark.parametrize("model_name", ONE_OF_EACH_FAMILY)
def test_every_family_answers_for_our_classes(model_name: str) -> None:
    """The last layer is replaced, with the dropout asked for before it and no other."""
    model = build_model(ModelSpec(model_name, num_classes=5, dropout=0.3))

    logits = predict_logits(model.eval(), torch.zeros((2, 3, 32, 32), dtype=torch.uint8), PREPROCESSING)

    assert logits.shape == (2, 5)
    assert [module.p for module in model.modules() if isinstance(module, nn.Dropout) and module.p] == [0.3]


def test_known_names_include_what_the_readme_offers() -> None:
    """The names a user is told to choose from exist."""
    assert {"resnet18", "resnet50", "mobilenet_v3_small", "efficientnet_b0"} <= set(known_model_names())


def test_unknown_model_name_is_refused_with_the_known_ones() -> None:
    """A typing error costs no more than a sentence."""
    with pytest.raises(ConfigError, match=r"model_name 'resnet19' is not known; use one of .*resnet18"):
        build_model(ModelSpec("resnet19", 2))


@pytest.mark.parametrize("model_name", ["resnet18", "mobilenet_v3_small"])
def test_weights_channel_fills_the_backbone_and_names_the_head(tmp_path: Path, model_name: str) -> None:
    """torchvision's own state_dict, as users have it, loads all but the head of 1,000 classes."""
    state = torchvision_state(model_name)
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "weights.pth")
    model = build_model(ModelSpec(model_name, 3))

    left_out = load_weights_file(model, tmp_path)

    head = head_name(model)
    assert left_out == [f"{head}.1.weight", f"{head}.1.bias"]
    loaded = model.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in state.items() if not name.startswith(f"{head}."))


def test_weights_of_an_earlier_job_load_whole(tmp_path: Path) -> None:
    """The model.pt of an artifact with the same classes keeps its head."""
    earlier = build_model(ModelSpec("resnet18", 3))
    torch.save(earlier.state_dict(), tmp_path / "model.pt")
    model = build_model(ModelSpec("resnet18", 3))

    assert load_weights_file(model, tmp_path) == []
    assert torch.equal(model.get_submodule("fc")[1].weight, earlier.get_submodule("fc")[1].weight)  # type: ignore[index]


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    """Half a network must not pass for a start."""
    torch.save(torchvision_state("mobilenet_v3_small"), tmp_path / "weights.pt")

    with pytest.raises(WeightsError, match=r"do not fit the network: \d+ of its \d+ tensors .* 'conv1.weight'"):
        load_weights_file(build_model(ModelSpec("resnet18", 3)), tmp_path)


def test_pickled_objects_in_the_weights_channel_are_refused(tmp_path: Path) -> None:
    """A file that would run code on loading is refused, not run."""
    torch.save({"fc.weight": Path("x")}, tmp_path / "weights.pt")

    with pytest.raises(WeightsError, match=r"weights file 'weights.pt' cannot be read as a state_dict"):
        load_weights_file(build_model(ModelSpec("resnet18", 3)), tmp_path)


def test_empty_weights_channel_is_refused(tmp_path: Path) -> None:
    """The channel needs exactly one file."""
    with pytest.raises(WeightsError, match=r"holds \[\]; exactly one .pt or .pth file is needed"):
        load_weights_file(build_model(ModelSpec("resnet18", 3)), tmp_path)


def test_imagenet_weights_come_through_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that torchvision would download is loaded from torch's own cache folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    state = torchvision_state("resnet18")
    torch.save(state, tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth")
    model = build_model(ModelSpec("resnet18", 3))

    left_out = load_imagenet_weights(model, "resnet18")

    assert left_out == ["fc.1.weight", "fc.1.bias"]
    assert torch.equal(model.state_dict()["conv1.weight"], state["conv1.weight"])


def test_failed_download_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a way to the internet the sentence says what else to do."""

    def unreachable(*_: object, **__: object) -> None:
        raise URLError("name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", unreachable)

    with pytest.raises(WeightsError, match=r"'resnet18' cannot be downloaded .*use weights=none, or put a state_dict"):
        load_imagenet_weights(build_model(ModelSpec("resnet18", 3)), "resnet18")


def test_frozen_backbone_trains_only_the_head() -> None:
    """Neither weights nor batch statistics of the backbone change."""
    model = build_model(ModelSpec("resnet18", 3))
    freeze_backbone(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    set_training_mode(model)
    model(torch.randn(4, 3, 32, 32)).sum().backward()
    torch.optim.SGD(parameters, lr=0.1).step()

    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"fc.1.weight", "fc.1.bias"}


@pytest.mark.parametrize("model_name", ONE_OF_EACH_FAMILY)
def test_every_parameter_of_every_family_is_in_one_stage(model_name: str) -> None:
    """Stage 0 is the head, stage 1 what comes right before it, the last one the stem."""
    model = build_model(ModelSpec(model_name, 2))

    numbers = {name: stage_of(model, name) for name, _ in model.named_parameters()}

    assert set(numbers.values()) == set(range(len(stages(model))))
    assert {name for name, number in numbers.items() if number == 0} == {
        f"{head_name(model)}.1.weight",
        f"{head_name(model)}.1.bias",
    }
    assert next(iter(numbers.values())) == len(stages(model)) - 1
    assert len(stages(model)) >= 5


def test_unfrozen_stages_alone_are_in_training_mode() -> None:
    """Batch statistics of a frozen stage stay as they were; those of a trained one follow the new images."""
    model = build_model(ModelSpec("resnet18", 2))
    set_trainable_stages(model, 1)

    set_training_mode(model)

    modes = {name: module.training for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert {name.partition(".")[0] for name, training in modes.items() if training} == {"layer4"}
    assert model.get_submodule("fc.0").training


def test_head_on_its_own_is_trained_whole() -> None:
    """As a job on features trains it."""
    head = make_head(ModelSpec("resnet18", 2, dropout=0.1, head="mlp", head_width=8), 16)

    set_trainable_stages(head, 0)
    set_training_mode(head)

    assert all(parameter.requires_grad for parameter in head.parameters())
    assert head.training
    assert [type(layer).__name__ for layer in head] == ["Dropout", "Linear", "ReLU", "Dropout", "Linear"]


def test_spec_of_an_older_artifact_has_a_linear_head() -> None:
    """model.json of before mlp heads serves on."""
    assert (
        ModelSpec.from_dict({"model_name": "resnet18", "num_classes": 2, "dropout": 0.1, "other": 1}).head == "linear"
    )
