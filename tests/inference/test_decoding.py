"""Image files by others: each ends in a picture or one typed error, within its time and memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from inference.decoding import ImageError, decode_pixels
from inference.formats import FORMATS
from inference.preprocessing import Preprocessing
from tests.inference.decoding_costs import decoding_costs

PREPROCESSING = Preprocessing.for_image_size(224)
ROOT = Path(__file__).resolve().parents[2]
CORPORA = next((path for parent in ROOT.parents if (path := parent / "shared" / "corpora").is_dir()), ROOT / "none")
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside this checkout")
VARIANTS = CORPORA / "images-variants"


@needs_corpora
@pytest.mark.slow
def test_each_file_of_the_corpora_ends_in_picture_or_typed_error(record_property: Any) -> None:
    """Fuzzed, malformed and odd: no other exception, at most 1 s and 150 MB for any of them."""
    files = sorted(path for path in CORPORA.glob("*images*/**/*") if path.is_file() and path.name != "SOURCES.md")

    costs = decoding_costs(files)

    record_property("pictures", sum(cost.is_picture for cost in costs))
    dearest = max(costs, key=lambda cost: cost.peak_mb)
    record_property("dearest", list(dearest))
    assert len(costs) == len(files) > 900
    assert [cost for cost in costs if not (cost.is_picture or cost.refusal)] == []
    assert sum(cost.is_picture for cost in costs) > 250
    assert [cost for cost in costs if cost.seconds > 1 or cost.peak_mb > 150] == []


def plain_decoding(path: Path) -> Any:
    """Return the picture as float (224, 224, 3), converted at full size by other means than the product's."""
    with Image.open(path, formats=FORMATS) as image:
        upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        levels = np.asarray(upright).astype(np.int64) >> 8
        upright = Image.fromarray(levels.astype(np.uint8))
    coloured = upright.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured).convert("RGB")
    side = min(flat.size) * 224 / 256
    left, top = (flat.width - side) / 2, (flat.height - side) / 2
    square = flat.resize((224, 224), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.asarray(square, np.float64)


@needs_corpora
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_variant_becomes_the_picture_it_shows(record_property: Any) -> None:
    """CMYK, 16 bits, palettes, transparency, animations, EXIF: below 2 % from a plain full-size conversion."""
    differences = {}
    for path in sorted(VARIANTS.rglob("*")):
        try:
            pixels = decode_pixels(path.read_bytes(), PREPROCESSING) if path.is_file() else None
        except ImageError:
            continue
        if pixels is not None and min(Image.open(path).size) >= 32:  # smaller ones are mostly their edges
            differences[path.name] = np.abs(pixels - plain_decoding(path)).mean() / 255

    record_property("compared", len(differences))
    assert len(differences) > 80
    assert {name: value for name, value in differences.items() if value >= 0.02} == {}


@needs_corpora
@pytest.mark.parametrize(
    "pattern",
    [
        "exif-orientation/Landscape_*.jpg",
        "exif-orientation/Portrait_*.jpg",
        "pillow/hopper_orientation_*.jpg",
        "pillow/hopper_orientation_*.webp",
        "exif-samples/jpg__orientation__landscape_*.jpg",
        "exif-samples/jpg__orientation__portrait_*.jpg",
    ],
)
def test_exif_orientations_give_the_same_picture(pattern: str) -> None:
    """Photographs of one scene, stored in every orientation by other programs: below 2 % apart."""
    pictures = [
        decode_pixels(path.read_bytes(), PREPROCESSING).astype(float) for path in sorted(VARIANTS.glob(pattern))
    ]

    assert len(pictures) >= 3
    assert max(np.abs(picture - pictures[0]).mean() / 255 for picture in pictures) < 0.02
