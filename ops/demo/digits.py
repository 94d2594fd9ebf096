"""The demo's dataset: scikit-learn's 1,797 scans of handwritten digits (UCI), as an image folder of PNG files."""

from __future__ import annotations

import csv
import gzip
import random
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ops.errors import UploadError

NUM_SCANS = 1797
SEED = 20261
_SIDE = 8
_PIXELS_PER_DOT = 4  # 32 x 32 pixels, large enough to look at
_FRACTIONS = {"valid": 0.15, "test": 0.15}
_DONE = ".complete"
# Scans of 8 x 8 dots are no photographs: a small network, trained whole, learns them better than a head on ImageNet's
# features (0.99 against 0.96).
SETTINGS = {
    "ModelName": "resnet18",
    "Weights": "none",
    "Trainable": "full",
    "ImageSize": "32",
    "Epochs": "8",
    "TuningEpochs": "2",
    "Patience": "4",
}


def write_digits(folder: Path) -> int:
    """Write the scans to `folder`/{train,valid,test}/DIGIT/NUMBER.png, seeded and stratified; return how many.

    A folder that is complete already is left as it is.
    """
    if (folder / _DONE).exists():
        return NUM_SCANS
    by_digit: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
    for number, (dots, digit) in enumerate(_scans()):
        by_digit[digit].append((number, dots))
    for digit, scans in sorted(by_digit.items()):
        _write_digit(folder, digit, scans)
    (folder / _DONE).touch()
    return sum(map(len, by_digit.values()))


def held_out_picture(folder: Path) -> tuple[str, str]:
    """Return the path below `folder` of one picture of the test split, and the digit on it."""
    pictures = sorted(path.relative_to(folder).as_posix() for path in (folder / "test").rglob("*.png"))
    chosen = random.Random(SEED).choice(pictures)  # noqa: S311 (not a secret)
    return chosen, chosen.split("/")[1]


def _write_digit(folder: Path, digit: int, scans: list[tuple[int, list[int]]]) -> None:
    random.Random(SEED + digit).shuffle(scans)  # noqa: S311 (not a secret)
    for split, members in _split(scans):
        target = folder / split / str(digit)
        target.mkdir(parents=True, exist_ok=True)
        for number, dots in members:
            _write_png(target / f"{number:04d}.png", dots)


def _split(scans: list[tuple[int, list[int]]]) -> Iterator[tuple[str, list[tuple[int, list[int]]]]]:
    start = 0
    for split, fraction in _FRACTIONS.items():
        end = start + round(len(scans) * fraction)
        yield split, scans[start:end]
        start = end
    yield "train", scans[start:]


def _write_png(path: Path, dots: list[int]) -> None:
    from PIL import Image

    scan = Image.frombytes("L", (_SIDE, _SIDE), bytes(min(255, round(dot * 255 / 16)) for dot in dots))
    side = _SIDE * _PIXELS_PER_DOT
    scan.resize((side, side), Image.Resampling.BICUBIC).save(path, compress_level=1)


def _scans() -> Iterator[tuple[list[int], int]]:
    """Yield (64 dots of 0..16, digit). It reads scikit-learn's file in place: importing it takes a second."""
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise UploadError(
            "scikit-learn: not installed, it brings the demo's pictures; run: python requirements/install.py local"
        )
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.reader(file):
            values = [int(float(value)) for value in row]
            yield values[:-1], values[-1]
