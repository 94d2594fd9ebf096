"""The doctor on real photographs with planted faults: what it finds, and that it finds little else."""

import io
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.training.doctor.photographs import saved
from training import examine, train

ROOT = Path(__file__).resolve().parents[3]
FLOWERS = next((path for parent in ROOT.parents if (path := parent / "shared/data/flowers/train").is_dir()), None)
CLASSES = ("daisy", "sunflower", "bluebell", "tigerlily")
OF_CLASS, NUM_COPIES, NUM_WRONG = 20, 12, 8
FLAGS = ["--model-name", "efficientnet_lite0", "--weights", "packaged", "--extractor", "torch"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str], list[dict[str, Any]]]:
    """Copies in test by their original, wrong labels by their right class, and what was found."""
    if FLOWERS is None:
        pytest.skip("the photographs of flowers are not at hand (shared/data/flowers)")
    root = tmp_path_factory.mktemp("photos")
    draw = random.Random(0)
    names = [(name, path) for name in CLASSES for path in sorted((FLOWERS / name).iterdir())[:OF_CLASS]]
    wrong = {
        f"train/{CLASSES[(CLASSES.index(name) + 1) % len(CLASSES)]}/{path.name}": name
        for name, path in draw.sample(names, NUM_WRONG)
    }
    moved = {Path(path).name: Path(path).parts[1] for path in wrong}
    for name, path in names:
        _write(root / "train" / moved.get(path.name, name) / path.name, path.read_bytes())
    right = [(name, path) for name, path in names if path.name not in moved]
    copies = {}
    for number, (name, path) in enumerate(draw.sample(right, NUM_COPIES)):
        target = f"test/{name}/copy-{number}.jpg"
        copies[target] = f"train/{name}/{path.name}"
        _write(root / target, _copied(path.read_bytes(), number, draw))
    for name in CLASSES:  # so that the test split has pictures that are no copies
        for path in sorted((FLOWERS / name).iterdir())[OF_CLASS : OF_CLASS + 4]:
            _write(root / "test" / name / path.name, path.read_bytes())
    out = root / "found"
    data = ["--data", str(root), "--model-dir", str(out), "--max-duplicates", "1"]
    assert train.main([*FLAGS, *data], {}, examine.run) == 0
    return copies, wrong, json.loads((out / "findings.json").read_text())["findings"]


def test_copies_of_any_kind_leave_the_test(planted) -> None:
    """Saved again, made small, or cropped to 0.8 of the sides: nearly all are found, each with its original."""
    copies, _, findings = planted
    leaks = {row["path"]: row["other"] for row in findings if row["kind"] == "leak"}

    assert sum(leaks.get(copy) == original for copy, original in copies.items()) >= 0.9 * len(copies)
    assert not [copy for copy, other in leaks.items() if copy in copies and other != copies[copy]]


def test_wrong_labels_are_found_and_little_else(planted) -> None:
    """Most of what is suspected was planted, with the class that is right."""
    _, wrong, findings = planted
    suspects = {row["path"]: row["value"] for row in findings if row["kind"] == "wrong label"}
    hits = [path for path in suspects if path in wrong]

    assert len(hits) >= 0.6 * len(wrong)
    assert len(hits) >= 0.7 * len(suspects)
    assert sum(suspects[path] == wrong[path] for path in hits) >= 0.9 * len(hits)


def test_sharp_photographs_are_not_called_poor(planted) -> None:
    """Outliers, blurred and dark ones are few among pictures that nobody spoiled."""
    _, _, findings = planted

    assert _count(findings, ("outlier", "blurred", "dark", "blank", "tiny")) <= 6


def _count(findings: Sequence[dict[str, Any]], kinds: Sequence[str]) -> int:
    return sum(row["kind"] in kinds for row in findings)


def _copied(data: bytes, number: int, draw: random.Random) -> bytes:
    """Return what people do to a picture, by turns."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    if number % 3 == 0:
        return saved(picture, 30)
    if number % 3 == 1:
        return saved(picture.resize((picture.width // 2, picture.height // 2)))
    width, height = int(picture.width * 0.8), int(picture.height * 0.8)
    left, top = draw.randint(0, picture.width - width), draw.randint(0, picture.height - height)
    return saved(picture.crop((left, top, left + width, top + height)))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
