"""training/data/examining.py: leaks are repaired or fatal before anything is trained, and the accuracy says so."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.inference.heic import UPRIGHT
from tests.training.doctor.photographs import photograph, saved
from training import compute_features, examine, train

FLAGS = ["--model-name", "resnet18", "--weights", "none", "--image-size", "64", "--batch-size", "32"]
HEAD = [*FLAGS, "--trainable", "head", "--extractor", "torch", "--augment", "none", "--epochs", "30", "--lr", "0.01"]
CLASSES = ("ant", "bee", "cat", "dog")


def write(path: Path, content: bytes) -> None:
    """Write a picture, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def given_splits(tmp_path: Path) -> Path:
    """A folder of 12 pictures to train on, 6 to validate and 8 to test with, of which 3 are copies of train's."""
    for split, start, count in (("train", 0, 12), ("valid", 100, 6), ("test", 200, 8)):
        for index in range(count):
            seed = index if split == "test" and index < 3 else start + index
            name = CLASSES[index % 2]
            write(tmp_path / "photos" / split / name / f"{index}.jpg", saved(photograph(seed), 90 if seed < 50 else 80))
    for index in range(3):
        copy = tmp_path / "photos" / "test" / CLASSES[index % 2] / f"{index}.jpg"
        copy.write_bytes(saved(photograph(index), 60))
    return tmp_path / "photos"


def test_arbitrary_labels_are_guessed_by_chance(tmp_path: Path) -> None:
    """96 pictures with arbitrary labels, four re-saved copies each: what was learned by heart is not tested."""
    labels = random.Random(1)
    for seed in range(96):
        name = labels.choice(CLASSES)
        for copy, quality in enumerate((95, 80, 65, 50, 35)):
            write(
                tmp_path / "photos" / name / f"{seed * 31 % 97}-{copy * 7 % 11}.jpg", saved(photograph(seed), quality)
            )
    data = ["--data", str(tmp_path / "photos"), "--features", str(tmp_path / "features")]

    assert train.main([*HEAD, *data, "--model-dir", str(tmp_path / "model"), "--save-model", "false"], {}) == 0

    evaluation = json.loads((tmp_path / "model" / "evaluation.json").read_text())
    assert evaluation["num_test_images"] >= 48
    assert evaluation["test_top1"] <= 0.55
    assert max(row["train_top1"] for row in evaluation["epochs"]) >= 0.9
    splits = defaultdict(set)
    for split in ("train", "validation"):
        for path, _, _ in json.loads((tmp_path / "features" / f"{split}-samples.json").read_text()):
            splits[path.split("/")[1].split("-")[0]].add(split)
    assert all(len(sides) == 1 for sides in splits.values())


def test_leaked_test_pictures_leave_the_test(given_splits: Path, tmp_path: Path) -> None:
    """Where the splits were given, the accuracy holds over the pictures that are in no other one, and says so."""
    data = [
        "--data",
        str(given_splits),
        "--model-dir",
        str(tmp_path / "model"),
        "--features",
        str(tmp_path / "features"),
    ]

    assert train.main([*HEAD, *data], {}) == 0

    evaluation = json.loads((tmp_path / "model" / "evaluation.json").read_text())
    assert evaluation["num_test_images"] == 5
    assert evaluation["examination"]["num_left"] == {"train": 0, "validation": 0, "test": 3}
    assert "3 more are in another split too and left the test" in (tmp_path / "model" / "report.html").read_text()
    leaks = [row for row in evaluation["data_problems"] if row["reason"].startswith("leak")]
    assert sorted(row["path"] for row in leaks) == ["test/ant/0.jpg", "test/ant/2.jpg", "test/bee/1.jpg"]


def test_a_job_writes_findings_and_manifests(given_splits: Path, tmp_path: Path) -> None:
    """Beside the features lie what was found and the splits as they are now, for the jobs that follow."""
    flags = [*HEAD, "--data", str(given_splits), "--model-dir", str(tmp_path), "--dataset-s3-uri", "s3://b/photos/"]

    assert train.main(flags, {}, compute_features.run) == 0

    findings = json.loads((tmp_path / "findings.json").read_text())
    prefix, *paths = json.loads((tmp_path / "test.manifest").read_text())
    assert findings["counts"]["leak"] == 3
    assert findings["findings"][0]["done"] == "left the test split"
    assert prefix == {"prefix": "s3://b/photos/"}
    assert paths == [f"test/{name}.jpg" for name in ("ant/4", "ant/6", "bee/3", "bee/5", "bee/7")]


def test_a_split_that_is_mostly_a_copy_is_refused(given_splits: Path, tmp_path: Path, capsys) -> None:
    """Of a test split of which hardly anything is clean the accuracy would mean nothing."""
    for index in range(3, 8):
        (given_splits / "test" / CLASSES[index % 2] / f"{index}.jpg").write_bytes(saved(photograph(index), 60))

    assert train.main([*HEAD, "--data", str(given_splits), "--model-dir", str(tmp_path)], {}, compute_features.run) == 1

    assert "8 of 8 images of the test split are in an earlier split too" in capsys.readouterr().err


def channels(root: Path, place: Path, manifests: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Put files into a folder a channel, as SageMaker does by manifests; return the environment of the job."""
    for name, paths in manifests.items():
        for path in paths:
            write(place / name / path, (root / path).read_bytes())
    return {f"SM_CHANNEL_{name.upper()}": str(place / name) for name in manifests}


def test_the_whole_network_is_trained_on_what_was_examined(given_splits: Path, tmp_path: Path) -> None:
    """A job that keeps no features finds the same before anything is tuned; the jobs after it take its word.

    A photograph of a phone (HEIC) is one of those that are trained on.
    """
    (given_splits / "train" / "ant" / "0.jpg").write_bytes(b"no picture")
    (given_splits / "train" / "ant" / "phone.heic").write_bytes(UPRIGHT)
    folders = {"train": "train", "validation": "valid", "test": "test"}
    paths = {
        name: [path.relative_to(given_splits).as_posix() for path in (given_splits / folder).rglob("*.*")]
        for name, folder in folders.items()
    }
    job = channels(given_splits, tmp_path / "all", paths) | {"SM_MODEL_DIR": str(tmp_path / "looked")}
    asked = ["--dataset-s3-uri", "s3://b/datasets/pets/photos/", "--max-unreadable", "0.1", "--num-unusable", "1"]

    assert train.main([*FLAGS, *asked], job, examine.run) == 0

    kept = {name: json.loads((tmp_path / "looked" / f"{name}.manifest").read_text())[1:] for name in folders}
    job = channels(given_splits, tmp_path / "kept", kept) | {"SM_CHANNEL_EXAMINATION": str(tmp_path / "looked")}
    job["SM_MODEL_DIR"] = str(tmp_path / "model")
    assert train.main([*FLAGS, "--epochs", "1", "--save-model", "false"], job) == 0
    evaluation = json.loads((tmp_path / "model" / "evaluation.json").read_text())
    findings = json.loads((tmp_path / "looked" / "findings.json").read_text())
    assert evaluation["examination"]["summary"] == findings["summary"]
    assert (evaluation["num_train_images"], evaluation["num_test_images"]) == (12, 6)
    assert "train/ant/phone.heic" in kept["train"]
    aside = [row["path"] for row in evaluation["data_problems"] if row["kind"] == "set aside"]
    assert sorted(aside) == ["test/ant/2.jpg", "test/bee/1.jpg", "train/ant/0.jpg"]
    leaks = sorted(row["path_file"] for row in findings["findings"] if row["kind"] == "leak")
    assert leaks == ["photos/test/ant/2.jpg", "photos/test/bee/1.jpg"]
    assert "data:image/jpeg" in (tmp_path / "looked" / "data.html").read_text()


def test_what_was_left_out_by_size_counts_as_unreadable(given_splits: Path, tmp_path: Path, capsys) -> None:
    """Two shares, each below the limit, are one above it."""
    (given_splits / "train" / "ant" / "0.jpg").write_bytes(b"no picture")
    flags = [*FLAGS, "--data", str(given_splits), "--model-dir", str(tmp_path / "out"), "--max-unreadable", "0.05"]

    assert train.main([*flags, "--num-unusable", "1"], {}, examine.run) == 1

    assert "2 of 27 images cannot be used (max_unreadable allows 5%), 1 of them as empty or too large, the first" in (
        capsys.readouterr().err
    )


def test_findings_that_are_damaged_are_refused(given_splits: Path, tmp_path: Path, capsys) -> None:
    """A job that follows does not go on as if nothing had been found."""
    (tmp_path / "findings.json").write_text('{"findings": [{}]}')
    flags = [*FLAGS, "--data", str(given_splits), "--model-dir", str(tmp_path / "out"), "--examination", str(tmp_path)]

    assert train.main(flags, {}) == 1

    assert "findings.json cannot be read from" in capsys.readouterr().err
