"""Small labelled pictures that a small network learns in seconds: one colour a class, with noise."""

import colorsys
import io
import random
from pathlib import Path

from PIL import Image

_SIDE = 32
BROKEN = "images/train-colour-0-001.tiff"  # a name that as_table gives
_KINDS = ("", ".tiff", ".bmp", ".avif")  # "": as it is


def write_dataset(
    folder: Path, *, classes: int = 3, train: int = 24, valid: int = 6, test: int = 8, seed: int = 0
) -> Path:
    """Write an image folder of `classes` colours; a split of 0 images is left out."""
    for index in range(classes):
        for split, count in (("train", train), ("valid", valid), ("test", test)):
            for number in range(count):
                path = folder / split / f"colour-{index}" / f"{number:03d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture(index, classes, seed=f"{seed}-{split}-{index}-{number}"))
    return folder


def as_table(folder: Path) -> Path:
    """Make of an image folder one folder of pictures of several kinds, and a table of their classes and splits."""
    rows = ["file_name,label,split"]
    (folder / "images").mkdir()
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        split, label, name = path.relative_to(folder).parts
        target = folder / "images" / f"{split}-{label}-{name}"
        if suffix := _KINDS[number % len(_KINDS)]:
            target = target.with_suffix(suffix)
            Image.open(path).save(target)
            path.unlink()
        else:
            path.rename(target)
        rows.append(f"images/{target.name},{label},{split}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return folder


def picture(index: int, classes: int, *, seed: object) -> bytes:
    """Return a PNG of class `index` of `classes`: its hue, with brightness and noise of its own."""
    chance = random.Random(str(seed))
    red, green, blue = (
        round(value * 200) for value in colorsys.hsv_to_rgb(index / classes, 0.9, chance.uniform(0.6, 1))
    )
    noise = bytes(chance.randrange(56) for _ in range(3 * _SIDE * _SIDE))
    base = bytes((red, green, blue)) * (_SIDE * _SIDE)
    image = Image.frombytes("RGB", (_SIDE, _SIDE), bytes(a + b for a, b in zip(base, noise, strict=True)))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
