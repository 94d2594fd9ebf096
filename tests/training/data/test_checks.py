"""Data that is wrong in ways seen in the wild: set aside or reported by name, or refused in one sentence."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from datasets.limits import IMAGE_SUFFIXES
from inference.preprocessing import Preprocessing
from tests.training.pictures import write_images
from tests.training.processes import finish, start
from training.config import TrainingConfig
from training.data.balance import balanced_order, class_weights
from training.data.mixing import Batch
from training.data.splits import Datasets, load_datasets
from training.errors import DatasetError

PREPROCESSING = Preprocessing.for_image_size(32)
ROOT = Path(__file__).resolve().parents[3]
CORPORA = next((path for parent in ROOT.parents if (path := parent / "shared" / "corpora").is_dir()), ROOT / "none")
JOBS = Path(__file__).parents[1] / "jobs.py"
MakeConfig = Callable[..., TrainingConfig]


def load(config: TrainingConfig) -> Datasets:
    return load_datasets(config, PREPROCESSING, PREPROCESSING)


def reasons(datasets: Datasets) -> dict[str, str]:
    return {problem.path: f"{problem.kind}: {problem.reason}" for problem in datasets.problems}


def test_folder_that_classes_json_does_not_know_is_set_aside(
    image_folder: Path, tmp_path: Path, make_config: MakeConfig
) -> None:
    """Its files are counted with their reason, and the other classes keep their indices."""
    (tmp_path / "classes.json").write_text(json.dumps(["blue", "green", "red"]))
    (image_folder / "train" / "aaa").mkdir()
    shutil.copy(image_folder / "train" / "red" / "0.jpg", image_folder / "train" / "aaa" / "0.jpg")

    datasets = load(make_config(classes=tmp_path, max_unreadable=0.1))

    assert reasons(datasets) == {"train/aaa/0.jpg": "set aside: class folder 'aaa' is not in classes.json"}
    assert datasets.train.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8


def test_files_out_of_place_are_set_aside(image_folder: Path, make_config: MakeConfig) -> None:
    """Beside the class folders, below them, or no image by name: none becomes a class or an image."""
    picture = image_folder / "train" / "red" / "0.jpg"
    (image_folder / "train" / "red" / "more").mkdir()
    (image_folder / "train" / "red" / ".hidden").mkdir()
    for place in ("train/loose.jpg", "train/red/more/1.jpg", "train/red/.hidden/1.jpg", "train/red/.DS_Store"):
        shutil.copy(picture, image_folder / place)
    (image_folder / "train" / "red" / "notes.txt").write_text("x")

    datasets = load(make_config())

    assert datasets.class_names == ["blue", "green", "red"]
    assert len(datasets.train) == 24
    assert reasons(datasets) == {
        "train/loose.jpg": "set aside: not inside a class folder",
        "train/red/more/1.jpg": "set aside: deeper than a class folder",
        "train/red/more/": "set aside: a folder without an image; it is no class",
        "train/red/notes.txt": f"set aside: not an image by its name; expected {', '.join(IMAGE_SUFFIXES)}",
    }


def test_damaged_files_of_every_kind_are_set_aside(image_folder: Path, make_config: MakeConfig) -> None:
    """Zero bytes, text, a file cut short, a link to nothing and a pipe: each has its reason, none stops the job."""
    folder = image_folder / "train" / "blue"
    (folder / "0.jpg").write_bytes(b"")
    (folder / "1.jpg").write_text("this is a text")
    (folder / "2.jpg").write_bytes((folder / "3.jpg").read_bytes()[:-200])
    (folder / "link.jpg").symlink_to(folder / "nowhere.jpg")
    os.mkfifo(folder / "pipe.jpg")

    datasets = load(make_config(max_unreadable=0.5))

    set_aside = reasons(datasets)
    assert set_aside["train/blue/0.jpg"] == "set aside: empty file"
    assert set_aside["train/blue/1.jpg"] == "set aside: not a JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF or HEIC image"
    assert "damaged image" in set_aside["train/blue/2.jpg"]
    assert set_aside["train/blue/link.jpg"] == set_aside["train/blue/pipe.jpg"]
    assert "no regular file, or a link to nothing" in set_aside["train/blue/pipe.jpg"]
    assert datasets.train.labels.tolist() == [0] * 5 + [1] * 8 + [2] * 8


def test_same_image_in_two_splits_and_in_two_classes_is_reported(image_folder: Path, make_config: MakeConfig) -> None:
    """Both take part all the same: which one is wrong, only the owner knows."""
    shutil.copy(image_folder / "train" / "red" / "0.jpg", image_folder / "test" / "red" / "9.jpg")
    shutil.copy(image_folder / "train" / "red" / "1.jpg", image_folder / "train" / "green" / "9.jpg")

    datasets = load(make_config())

    assert reasons(datasets) == {
        "test/red/9.jpg": "reported: the same image as 'train/red/0.jpg' of the train split",
        "train/red/1.jpg": "reported: the same image as 'train/green/9.jpg' of class 'green': one is mislabelled",
    }
    assert (len(datasets.train), len(datasets.test or [])) == (25, 13)


def test_large_imbalance_is_reported_with_its_remedy(image_folder: Path, make_config: MakeConfig) -> None:
    """From ten to one on."""
    for number in range(1, 8):
        (image_folder / "train" / "red" / f"{number}.jpg").unlink()
    write_images(image_folder / "more", 4)
    for path in (image_folder / "more" / "blue").iterdir():
        path.rename(image_folder / "train" / "blue" / f"more-{path.name}")
    shutil.rmtree(image_folder / "more")

    warned = reasons(load(make_config()))

    assert warned == {
        "class 'red'": "reported: 1 images to train on, while class 'blue' has 12; "
        "consider class_balance loss or sampler"
    }


def _dup(folder: Path) -> None:
    shutil.rmtree(folder / "valid")
    shutil.copytree(folder / "train", folder / "valid")


def _rename_train_red(folder: Path) -> None:
    shutil.rmtree(folder / "train" / "red")


def _no_valid_red(folder: Path) -> None:
    shutil.rmtree(folder / "valid" / "red")


def _one_class(folder: Path) -> None:
    for split in ("train", "valid", "test"):
        for name in ("red", "green"):
            shutil.rmtree(folder / split / name)


def _empty_class(folder: Path) -> None:
    (folder / "train" / "aaa").mkdir()


def _no_files(folder: Path) -> None:
    for path in folder.rglob("*.jpg"):
        path.rename(path.with_suffix(".txt"))


def _unicode(folder: Path) -> None:
    for split in ("train", "valid", "test"):
        (folder / split / "red").rename(folder / split / "ローズ 🌹 100% 'q'")


# For each fault of the corpus: how to build it, and what is said: a refusal, or a problem's path and reason.
FAULTS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "class-missing-in-train": (_rename_train_red, "refused", "is of class 'red', which the classes to train do not"),
    "empty-class-valid": (_no_valid_red, "class 'red'", "no image in the validation split"),
    "dup-across-splits": (_dup, "refused", "24 of 24 images of the validation split are in an earlier split too"),
    "one-class": (_one_class, "refused", "at least 2 different class folders"),
    "empty-class": (_empty_class, "refused", "class 'aaa' has no usable image to train on"),
    "no-files": (_no_files, "refused", r"expected CLASS/\*\.jpg, CLASS/\*\.jpeg"),
    "unicode-names": (_unicode, "", ""),
}
ELSEWHERE = {"s3-key-encoding"}  # the handlers' side


def faults() -> list[str]:
    path = CORPORA / "dataset-faults" / "faults.jsonl"
    return [json.loads(line)["id"] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.skipif(not faults(), reason="the corpus dataset-faults is not beside the checkout")
@pytest.mark.parametrize("fault", sorted(set(faults()) - ELSEWHERE))
def test_fault_of_the_corpus_is_named(fault: str, image_folder: Path, make_config: MakeConfig) -> None:
    """Refused in one sentence, or trained on with the fault reported; class indices stay those of sorted names."""
    build, path, reason = FAULTS[fault]
    build(image_folder)

    if path == "refused":
        with pytest.raises(DatasetError, match=reason):
            load(make_config())
        return
    datasets = load(make_config())

    assert datasets.class_names == sorted(datasets.class_names)
    assert [name.rpartition("/")[2] for name in datasets.class_names][:2] == ["blue", "green"]
    named = reasons(datasets)
    assert reason in named.get(path, "")
    assert bool(named) == bool(path)


@pytest.mark.skipif(not (CORPORA / "dataset-images").is_dir(), reason="no corpus dataset-images beside the checkout")
def test_every_picture_of_the_corpus_is_read_or_named(tmp_path: Path, make_config: MakeConfig) -> None:
    """Dark, bright and blurry ones are pictures; copies are counted one by one."""
    files = sorted(path for path in (CORPORA / "dataset-images").rglob("*") if path.suffix == ".png")
    for split in ("train", "valid"):
        for index, path in enumerate(files):
            target = tmp_path / "photos" / split / f"class-{index % 2}" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)

    datasets = load(make_config(max_duplicates=1, test_fraction=0.2))

    aside = [problem for problem in datasets.problems if problem.kind == "set aside"]
    copies = [problem for problem in datasets.problems if "the same image as '" in problem.reason]
    assert len(datasets.train) + len(datasets.test or []) + len(aside) == len(files)
    assert len(copies) == len(files)


@pytest.mark.slow
def test_every_file_is_opened_once(image_folder: Path, tmp_path: Path) -> None:
    """So a FastFile channel, where opening a file fetches it from S3, costs no more than File."""
    (image_folder / "train" / "red" / "broken.jpg").write_bytes(b"x")
    flags = ["--model-name=mobilenet_v3_small", "--weights=none", "--image-size=32", "--epochs=2", "--batch-size=8"]
    flags += ["--save-model=false", f"--data={image_folder}", f"--model-dir={tmp_path / 'model'}"]
    output = tmp_path / "log"

    code = finish(start(JOBS, "count_opens", flags, environ={}, output=output))

    traced = output.read_text()
    assert code == 0, traced
    assert traced.splitlines()[-1] == "49 images, each opened at most 1 times"


def test_weights_of_classes_leave_the_mean_loss_as_it_is() -> None:
    """A class with a third of another's images weighs three times as much; the average over images is one."""
    labels = torch.tensor([0] * 9 + [1] * 3)

    weights = class_weights(labels)

    assert weights[1] / weights[0] == pytest.approx(3)
    assert weights[labels].mean().item() == pytest.approx(1)


def test_balanced_order_draws_classes_alike() -> None:
    """Each class comes about equally often, from all of its images, the same for the same seed."""
    labels = torch.tensor([0] * 900 + [1] * 100)

    order = balanced_order(labels, torch.Generator().manual_seed(0))

    assert len(order) == 1000
    assert labels[order].double().mean().item() == pytest.approx(0.5, abs=0.05)
    assert len(order[labels[order] == 1].unique()) > 95
    assert torch.equal(order, balanced_order(labels, torch.Generator().manual_seed(0)))


def test_weighted_loss_is_divided_by_images_not_by_weights() -> None:
    """A batch of rare images alone must weigh more than one of common images."""
    logits, classes = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    plain = torch.nn.functional.cross_entropy(logits, classes, reduction="none")

    loss = Batch(logits, classes).loss(logits, 0.0, torch.tensor([0.5, 3.0]))

    assert loss.item() == pytest.approx(((0.5 * plain[0] + 3.0 * plain[1]) / 2).item())
