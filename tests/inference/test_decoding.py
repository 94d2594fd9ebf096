"""Image files by others: each ends in a picture or one typed error, within its time and memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from inference.decoding import FORMATS, ImageError, decode_pixels
from inference.preprocessing import Preprocessing

PREPROCESSING = Preprocessing.for_image_size(224)
ROOT = Path(__file__).resolve().parents[2]
CORPORA = next((path for parent in ROOT.parents if (path := parent / "shared" / "corpora").is_dir()), ROOT / "none")
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside this checkout")
VARIANTS = CORPORA / "images-variants"

# Run in a process of its own, whose peak memory is that of decoding; times are of the processor, not of the clock.
DECODE_ALL = """
import json, sys, time, warnings
from pathlib import Path
from inference.decoding import ImageError, decode_pixels
from inference.preprocessing import Preprocessing

warnings.simplefilter("ignore")
preprocessing = Preprocessing.for_image_size(224)

def peak_kb():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

counts, slowest, before_kb = {"image": 0, "refused": 0, "crashed": 0}, (0.0, ""), peak_kb()
for line in sys.stdin:
    path = Path(line.strip())
    data, started = path.read_bytes(), time.thread_time()
    try:
        decode_pixels(data, preprocessing)
        counts["image"] += 1
    except ImageError:
        counts["refused"] += 1
    except BaseException as error:
        counts["crashed"] += 1
        print(path, repr(error), file=sys.stderr)
    slowest = max(slowest, (time.thread_time() - started, path.name))
print(json.dumps({**counts, "slowest": slowest, "peak_mb": (peak_kb() - before_kb) / 1024}))
"""


@needs_corpora
@pytest.mark.slow
def test_every_file_of_the_corpora_ends_in_a_picture_or_a_typed_error(record_property: Any) -> None:
    """Fuzzed, malformed and odd: no other exception, at most 1 s and 150 MB for any of them."""
    files = sorted(path for path in CORPORA.glob("*images*/**/*") if path.is_file() and path.name != "SOURCES.md")

    done = subprocess.run(
        [sys.executable, "-c", DECODE_ALL],
        cwd=ROOT,
        input="\n".join(map(str, files)),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    record_property("decoded", found)
    assert found["crashed"] == 0, done.stderr
    assert found["image"] + found["refused"] == len(files) > 900
    assert found["image"] > 250
    assert found["slowest"][0] <= 1.0
    assert found["peak_mb"] <= 150


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
