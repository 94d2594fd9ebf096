"""inference/formats.py: pictures of the kinds that phones, scanners and browsers write, or a word on what lacks."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference import decoding, formats, memory
from inference.decoding import ImageError, decode_pixels
from inference.preprocessing import Preprocessing
from tests.inference.decoding_costs import decoding_costs
from tests.inference.heic import TURNED, UPRIGHT

PREPROCESSING = Preprocessing.for_image_size(32)


def scene() -> Image.Image:
    """A smooth picture whose four corners differ, so that every wrong turn shows."""
    x, y = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 40))
    return Image.fromarray((np.stack([x, y, 1 - x * y], axis=-1) * 255).astype(np.uint8))


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned_tiff() -> bytes:
    """Return a TIFF of a camera held sideways."""
    return encode(scene().transpose(Image.Transpose.ROTATE_90), "TIFF", tiffinfo={274: 6})


@pytest.mark.parametrize(
    "data",
    [
        encode(scene(), "BMP"),
        encode(scene(), "TIFF"),
        encode(scene(), "TIFF", compression="tiff_lzw"),
        encode(scene(), "TIFF", compression="jpeg", quality=95),
        encode(scene().convert("CMYK"), "TIFF"),
        turned_tiff(),
        encode(scene(), "AVIF", quality=90),
        UPRIGHT,
        TURNED,
    ],
    ids=["bmp", "tiff", "lzw", "jpeg in tiff", "cmyk", "turned tiff", "avif", "heic", "turned heic"],
)
def test_every_kind_shows_the_same_picture(data: bytes) -> None:
    """Upright, in colour, within 3 % of what a PNG of it gives."""
    wanted = decode_pixels(encode(scene(), "PNG"), PREPROCESSING).astype(float)

    assert np.abs(decode_pixels(data, PREPROCESSING) - wanted).mean() / 255 < 0.03


@pytest.mark.parametrize(
    ("flag", "data", "reason"),
    [
        ("HAS_HEIF", UPRIGHT, "HEIC image, and its decoder is not installed here; save it as JPEG, or install pi-heif"),
        ("HAS_AVIF", encode(scene(), "AVIF"), "AVIF image, and the Pillow that is installed here has no decoder"),
    ],
)
def test_missing_decoder_is_named(monkeypatch: pytest.MonkeyPatch, flag: str, data: bytes, reason: str) -> None:
    """A container that lacks it says so, instead of calling the file damaged."""
    monkeypatch.setattr(formats, flag, False)
    monkeypatch.setattr(decoding, "FORMATS", ("JPEG", "PNG"))

    with pytest.raises(ImageError, match=reason):
        decode_pixels(data, PREPROCESSING)


def test_cut_heic_is_damaged() -> None:
    """A file that ends early is refused, as a cut JPEG is."""
    with pytest.raises(ImageError, match="damaged image"):
        decode_pixels(UPRIGHT[:-40], PREPROCESSING)


def test_numbers_without_a_white_are_refused() -> None:
    """A TIFF of floating-point numbers is a measurement; nobody knows which of them is white."""
    with pytest.raises(ImageError, match="TIFF of floating-point numbers, whose white is not known"):
        decode_pixels(encode(Image.fromarray(np.ones((40, 40), np.float32)), "TIFF"), PREPROCESSING)


def test_tiles_larger_than_the_picture_are_weighed() -> None:
    """A TIFF of 60 x 40 pixels may say that each of its tiles has gigabytes."""
    with Image.open(io.BytesIO(encode(scene(), "TIFF"))) as image:
        image.tag_v2.update({322: 40_000, 323: 40_000})  # type: ignore[attr-defined]

        assert memory.decoding_bytes(image, b"", image.size, 32) > 4 * 1_600_000_000


@pytest.mark.slow
def test_avif_takes_what_was_reckoned(tmp_path: Path) -> None:
    """So that a picture of a phone, which takes more than other kinds may, is known by its header."""
    path = tmp_path / "phone.avif"
    scene().resize((3000, 2000)).save(path, "AVIF", speed=10, quality=50)

    (cost,) = decoding_costs([path])

    assert cost.is_picture, cost
    assert cost.peak_mb < memory.VIDEO_BYTES * 3000 * 2000 / 1e6 + 10
