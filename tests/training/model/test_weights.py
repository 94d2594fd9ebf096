"""Starting weights load or say why not."""

import io
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import pytest
import torch

from inference.model import ModelSpec, build_model, head_name
from tests.handlers.packing import tar, tar_gz, zipped
from training.errors import WeightsError
from training.model.weights import _resized_positions, load_imagenet_weights, load_state, load_weights_file


def torchvision_state(model_name: str) -> dict[str, torch.Tensor]:
    from torchvision import models

    state: dict[str, torch.Tensor] = models.get_model(model_name, weights=None).state_dict()
    return state


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


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("resnet34", "resnet18"),
        ("resnet152", "resnet101"),
        ("convnext_small", "convnext_tiny"),
        ("efficientnet_v2_m", "efficientnet_v2_s"),
    ],
)
def test_weights_of_a_deeper_network_are_refused(given: str, wanted: str) -> None:
    """All that the shallower one needs is there, in the same shapes: what is left over tells them apart."""
    with torch.device("meta"):
        from torchvision import models

        state = models.get_model(given, weights=None).state_dict()
    model = build_model(ModelSpec(wanted, 3))

    with pytest.raises(WeightsError, match=r"do not fit the network: \d+ of .* tensors .* use the weights of the same"):
        load_state(model, state)


LEGACY: dict[str, tuple[str, str | Callable[[re.Match[str]], str]]] = {
    "densenet121": (r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2"),
    "vit_b_32": (r"\.mlp\.(0|3)\.", lambda match: f".mlp.linear_{1 if match[1] == '0' else 2}."),
    "inception_v3": ("^$", ""),
    "swin_t": ("^$", ""),
    "mobilenet_v2": ("^$", ""),
}


@pytest.mark.parametrize("model_name", list(LEGACY))
def test_published_files_load_by_their_older_names(model_name: str) -> None:
    """torchvision renamed layers and left its files as they are; a second head is not of use."""
    from torchvision import models

    pattern, replacement = LEGACY[model_name]
    with torch.device("meta"):
        quick = {"init_weights": False} if model_name == "inception_v3" else {}
        published = models.get_model(model_name, weights=None, **quick).state_dict()
        model = build_model(ModelSpec(model_name, 3, image_size=96))
    state = {re.sub(pattern, replacement, name): value for name, value in published.items()}

    head = head_name(model)
    assert load_state(model, state) == [f"{head}.1.weight", f"{head}.1.bias"]


def test_positions_of_another_side_are_resized() -> None:
    """A vision transformer of 224 pixels starts one of 96."""
    from torchvision.models.vision_transformer import interpolate_embeddings

    positions = torch.randn(1, 1 + 7 * 7, 8, generator=torch.Generator().manual_seed(0))
    expected = interpolate_embeddings(96, 32, OrderedDict({"encoder.pos_embedding": positions.clone()}))

    resized = _resized_positions(positions, torch.zeros(1, 1 + 3 * 3, 8))

    torch.testing.assert_close(resized, expected["encoder.pos_embedding"])
    assert _resized_positions(positions, torch.zeros(1, 10, 9)) is positions  # of another network


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "model.", "encoder.", "model.encoder."]
)
@pytest.mark.parametrize(
    "keys", [[], ["state_dict"], ["model_state_dict"], ["model"], ["model", "state_dict"]], ids=str
)
def test_what_programs_save_around_weights_is_taken_off(tmp_path: Path, prefix: str, keys: list[str]) -> None:
    """Checkpoints of DDP, torch.compile and Lightning, beside epochs and optimisers, as they come."""
    state = torchvision_state("resnet18")
    content: dict[str, object] = {f"{prefix}{name}": value for name, value in state.items()}
    for key in reversed(keys):
        content = {"epoch": 3, key: content}
    torch.save(content, tmp_path / "last.ckpt")
    model = build_model(ModelSpec("resnet18", 3))

    assert load_weights_file(model, tmp_path) == ["fc.1.weight", "fc.1.bias"]
    assert torch.equal(model.state_dict()["layer4.1.conv2.weight"], state["layer4.1.conv2.weight"])


def test_key_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    """A file of other things than tensors says which."""
    torch.save({"conv1.weight": torch.zeros(1), "epoch": 7}, tmp_path / "weights.pth.tar")

    with pytest.raises(WeightsError, match=r"'weights.pth.tar' holds no state_dict .*: 'epoch' is a int"):
        load_weights_file(build_model(ModelSpec("resnet18", 3)), tmp_path)


@pytest.mark.parametrize("name", ["weights.zip", "WEIGHTS.ZIP", "model.tar.gz", "weights.tgz", "weights.tar"])
def test_weights_are_taken_out_of_an_archive(tmp_path: Path, name: str) -> None:
    """As published, and as a training job leaves its model; what else is in it, and litter, is passed over."""
    earlier = build_model(ModelSpec("mobilenet_v3_small", 3))
    file = io.BytesIO()
    torch.save({"state_dict": earlier.state_dict()}, file)
    files = {"README.md": b"-", "run 1/model.pt": file.getvalue(), "__MACOSX/run 1/._model.pt": b"-", "._x.pth": b"-"}
    (tmp_path / name).write_bytes(packed(name, files))
    model = build_model(ModelSpec("mobilenet_v3_small", 3))

    assert load_weights_file(model, tmp_path) == []
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in earlier.state_dict().items())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"notes.txt": b"1"}, r"holds \[\] of .pt, .pth, .ckpt, .pth.tar; exactly one"),
        ({"a.pt": b"1", "b/c.pth": b"2"}, r"holds \['a.pt', 'b/c.pth'\] of"),
        ({"../../outside.pt": b"1"}, r"points outside"),
        ({"weights.pt": bytes(64 << 20)}, r"unpacks to more than"),
        ({"weights.zip": b"1"}, r"holds \[\] of"),
        (None, r"cannot be used: "),
    ],
    ids=["none", "two", "traversal", "bomb", "nested", "damaged"],
)
@pytest.mark.parametrize("name", ["weights.zip", "weights.tar.gz"])
def test_archive_of_weights_is_refused_in_words(
    tmp_path: Path, name: str, files: dict[str, bytes] | None, message: str
) -> None:
    """Nothing is written beside the one file, whatever an archive says of itself."""
    folder = tmp_path / "inner" / "weights"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(packed(name, files) if files else b"x")

    with pytest.raises(WeightsError, match=message):
        load_weights_file(build_model(ModelSpec("mobilenet_v3_small", 3)), folder)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [name]


def packed(name: str, files: dict[str, bytes]) -> bytes:
    """Return an archive of the kind that its name says."""
    if name.lower().endswith(".zip"):
        return zipped(files)
    return tar(files) if name.endswith(".tar") else tar_gz(files)


def test_pickled_objects_in_the_weights_channel_are_refused(tmp_path: Path) -> None:
    """A file that would run code on loading is refused, not run."""
    torch.save({"fc.weight": Path("x")}, tmp_path / "weights.pt")

    with pytest.raises(WeightsError, match=r"weights file 'weights.pt' cannot be read as a state_dict"):
        load_weights_file(build_model(ModelSpec("resnet18", 3)), tmp_path)


def test_empty_weights_channel_is_refused(tmp_path: Path) -> None:
    """The channel needs exactly one file."""
    with pytest.raises(WeightsError, match=r"holds \[\]; exactly one file of a state_dict is needed"):
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
