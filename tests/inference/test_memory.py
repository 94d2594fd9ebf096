"""What decoding takes of memory is known before a pixel is read, whatever the format and the shape."""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from inference import memory
from tests.inference.decoding_costs import Cost, decoding_costs

# Left and top of the first pixel of each pass, and the steps to the next ones.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def flat(mode: str, size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(np.zeros(size[::-1], np.uint16)) if mode == "I;16" else Image.new(mode, size)


def noisy(size: tuple[int, int]) -> Image.Image:
    """Return a picture that compresses badly."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (size[1] // 4, size[0] // 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size)


def write(folder: Path, image: Image.Image, kind: str, **options: Any) -> Path:
    path = folder / f"picture.{kind.lower()}"
    image.save(path, kind, **options)
    return path


def cost_of(path: Path) -> Cost:
    (cost,) = decoding_costs([path])
    assert (cost.crash, cost.seconds <= 1, cost.peak_mb <= 150) == ("", True, True), cost
    return cost


def interlaced(size: tuple[int, int]) -> bytes:
    """Return a black grey PNG in seven passes, which Pillow does not write."""
    width, height = size
    lines = b""
    for left, top, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        lines += (1 + columns) * rows * b"\0"

    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 1])
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"lossless": True}], ids=["lossy", "lossless"])
@pytest.mark.parametrize("size", [(5000, 5000), (16_000, 1500)], ids=["square", "wide"])
def test_webp_is_refused_by_its_header(tmp_path: Path, size: tuple[int, int], options: dict[str, Any]) -> None:
    """A file of 1 kB that would take 382 MB is not even opened."""
    cost = cost_of(write(tmp_path, flat("RGB", size), "WEBP", **options))

    assert not cost.is_picture
    assert f"WEBP image of {size[0]} x {size[1]} pixels takes" in cost.refusal
    assert cost.peak_mb < 5


@pytest.mark.slow
def test_animated_webp_is_refused_by_its_canvas(tmp_path: Path) -> None:
    """The first frame alone takes as much as a still picture."""
    frames = [flat("RGB", (4000, 4000)), Image.new("RGB", (4000, 4000), "blue")]

    cost = cost_of(write(tmp_path, frames[0], "WEBP", save_all=True, append_images=frames[1:]))

    assert "takes 256 MB to decode" in cost.refusal


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 25_000_000), (25_000_000, 1)], ids=["column", "row"])
def test_png_of_one_column_or_row_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    """A pointer for each of 25 million rows, or rows of 100 MB, are memory too."""
    assert "PNG image of" in cost_of(write(tmp_path, flat("RGB", size), "PNG")).refusal


@pytest.mark.slow
@pytest.mark.parametrize("size", [(5000, 5000), (62_500, 400)], ids=["square", "ribbon"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "RGB", "RGBA"])
def test_png_of_25_megapixels_fits(tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    """In every mode, whether it is made smaller in strips or converted as it is."""
    assert cost_of(write(tmp_path, flat(mode, size), "PNG")).is_picture


def test_wide_picture_made_small_takes_little_beside_itself() -> None:
    """However small the network's input, a strip holds no more rows than it must."""
    image = Image.new("RGB", (15_754, 1382))
    image.format = "PNG"

    assert memory.decoding_bytes(image, b"", image.size, resize_size=32) < 1.15 * 4 * 15_754 * 1382


@pytest.mark.slow
def test_transparent_png_of_25_megapixels_fits(tmp_path: Path) -> None:
    """A palette with transparency and grey with alpha become four bytes a pixel, but only as much as is seen."""
    assert cost_of(write(tmp_path, flat("P", (62_500, 400)), "PNG", transparency=0)).is_picture
    assert cost_of(write(tmp_path, flat("LA", (62_500, 400)), "PNG")).is_picture


@pytest.mark.slow
def test_interlaced_png_of_25_megapixels_fits(tmp_path: Path) -> None:
    """Seven passes over the one picture in memory."""
    (tmp_path / "picture.png").write_bytes(interlaced((5000, 5000)))

    assert cost_of(tmp_path / "picture.png").is_picture


@pytest.mark.slow
def test_png_full_of_text_is_refused(tmp_path: Path) -> None:
    """Megabytes of words, compressed a thousandfold, before the first pixel."""
    text = PngImagePlugin.PngInfo()
    for number in range(60):
        text.add_text(f"word{number}", "x" * 1_000_000, zip=True)

    cost = cost_of(write(tmp_path, flat("RGB", (5000, 5000)), "PNG", pnginfo=text))

    assert not cost.is_picture
    assert cost.peak_mb < 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"transparency": 0}, {"save_all": True}], ids=["plain", "transparent", "animated"]
)
def test_gif_of_25_megapixels_fits(tmp_path: Path, options: dict[str, Any]) -> None:
    """One byte a pixel; of an animation the first frame."""
    frames = [Image.new("P", (5000, 5000), 1)] if options.get("save_all") else []

    assert cost_of(write(tmp_path, flat("P", (5000, 5000)), "GIF", append_images=frames, **options)).is_picture


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGB", {"subsampling": 0}),
        ("RGB", {"progressive": True}),
        ("CMYK", {}),
        ("L", {}),
        ("RGB", {"icc": True}),
    ],
    ids=["baseline", "444", "progressive", "cmyk", "grey", "icc"],
)
def test_photograph_of_25_megapixels_fits(tmp_path: Path, mode: str, options: dict[str, Any]) -> None:
    """As ordinary cameras and programs write them."""
    if options.pop("icc", False):
        options["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert cost_of(write(tmp_path, noisy((5760, 4320)).convert(mode), "JPEG", quality=90, **options)).is_picture


@pytest.mark.slow
def test_photograph_of_64_megapixels_fits(tmp_path: Path) -> None:
    """As the largest sensors of most phones give it: decoded at an eighth of its size, it takes a few megabytes."""
    cost = cost_of(write(tmp_path, noisy((9248, 6936)), "JPEG", quality=85))

    assert cost.is_picture
    assert cost.peak_mb < 30


@pytest.mark.slow
def test_progressive_jpeg_of_64_megapixels_is_refused(tmp_path: Path) -> None:
    """libjpeg would keep 190 MB of coefficients and go over them ten times; the sentence says how to save it."""
    refusal = cost_of(write(tmp_path, flat("RGB", (9248, 6936)), "JPEG", progressive=True)).refusal

    assert "scans over 64,144,128 pixels; save it as a baseline JPEG" in refusal


@pytest.mark.slow
def test_progressive_jpeg_that_keeps_too_much_is_refused(tmp_path: Path) -> None:
    """libjpeg keeps every coefficient until the last scan: 150 MB where no colour is subsampled."""
    cost = cost_of(write(tmp_path, flat("RGB", (5000, 5000)), "JPEG", progressive=True, subsampling=0))

    assert "JPEG image of 5000 x 5000 pixels takes 15" in cost.refusal


@pytest.mark.parametrize(
    ("options", "keeps"), [({}, False), ({"progressive": True}, True)], ids=["baseline", "progressive"]
)
def test_scans_that_make_libjpeg_keep_coefficients(options: dict[str, Any], keeps: bool) -> None:
    """A picture with a small one within, as cameras write it, is told apart from one of several scans."""
    small, large = io.BytesIO(), io.BytesIO()
    flat("RGB", (16, 16)).save(small, "JPEG", progressive=True)
    exif = b"Exif\0\0" + small.getvalue()
    flat("RGB", (64, 64)).save(large, "JPEG", exif=exif, **options)

    with Image.open(large) as image:
        assert memory.keeps_coefficients(image, large.getvalue()) is keeps


def test_baseline_jpeg_of_one_component_scans_keeps_coefficients() -> None:
    """Not progressive, and still nothing can be shown before the last scan."""
    content = io.BytesIO()
    flat("RGB", (64, 64)).save(content, "JPEG")
    data = content.getvalue()
    start = data.index(b"\xff\xda")
    one_by_one = data[:start] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + data[start + 14 :]

    with Image.open(io.BytesIO(one_by_one)) as image:
        assert memory.keeps_coefficients(image, one_by_one)


@pytest.mark.parametrize(
    "options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}], ids=["lossy", "lossless", "extended"]
)
def test_size_of_a_webp_is_read_from_its_header(options: dict[str, Any]) -> None:
    """All three forms of the container."""
    content = io.BytesIO()
    flat("RGB", (321, 123)).save(content, "WEBP", **options)

    assert memory.webp_size(content.getvalue()) == (321, 123)
