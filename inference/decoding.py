"""From the bytes of an image file to the pixels that the network sees: the one path of training and serving.

This very file travels inside the model artifact, so evaluation and the endpoint see the same pixels for the same file,
to the last bit. It needs Pillow and numpy only: an endpoint that answers without torch starts without it.
"""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inference.preprocessing import Preprocessing

Pixels = NDArray[np.uint8]
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
MAX_PIXELS = 25_000_000
MAX_SCANNED_PIXELS = 12 * MAX_PIXELS  # a progressive JPEG usually has 10 scans; thousands would take minutes

ORIENTATION_TAG = 0x0112
_START_OF_SCAN = b"\xff\xda"
_STRIP_ROWS = 64  # of the smaller picture
# What turns a picture stored with this EXIF orientation upright.
TRANSPOSE_FOR_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# All that Pillow's four decoders raise on damaged files; nothing of ours runs inside that block but arithmetic.
DECODING_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class ImageError(ValueError):
    """These bytes are not an image that can be classified; the message says why."""


def decode_pixels(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """Return the picture in `data` as uint8 (image_size, image_size, 3): upright, RGB, scaled, cropped.

    Only the first frame of an animation counts. Transparent parts become white.

    Raises:
        ImageError: no JPEG, PNG, GIF or WebP, damaged, or over 25 megapixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            problem = _too_costly(data, image)
            if not problem:
                return np.asarray(_upright_square(image, preprocessing))
    except DECODING_ERRORS as error:
        raise ImageError(_reason(data, error)) from error
    raise ImageError(problem)


def _too_costly(data: bytes, image: Image.Image) -> str:
    """Return why `image`, of which the header alone was read, is not decoded; empty where it is."""
    num_pixels = image.width * image.height
    if num_pixels > MAX_PIXELS:
        return f"image of {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} pixels are decoded"
    num_scans = data.count(_START_OF_SCAN) if "progressive" in image.info else 1
    if num_pixels * num_scans > MAX_SCANNED_PIXELS:
        return f"progressive JPEG of {num_scans} scans over {num_pixels:,} pixels; save it as a baseline JPEG"
    return ""


def _upright_square(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Return the centre square, RGB, with the EXIF orientation applied after scaling, where it costs nothing."""
    # A JPEG at least twice too large is decoded at 1/2, 1/4 or 1/8, not smaller than needed: several times faster, by
    # less than half a level of 255 another picture, and training, evaluation and inference do the same.
    image.draft(None, (preprocessing.resize_size, preprocessing.resize_size))
    image.load()
    orientation = _orientation(image)
    scalable = _shrunk(image, preprocessing.resize_size)
    side = min(scalable.size) * preprocessing.image_size / preprocessing.resize_size
    left, top = (scalable.width - side) / 2, (scalable.height - side) / 2
    square = scalable.resize(
        (preprocessing.image_size, preprocessing.image_size),
        Image.Resampling.BILINEAR,
        box=(left, top, left + side, top + side),
    )
    transpose = TRANSPOSE_FOR_ORIENTATION.get(orientation)
    return _on_white(square if transpose is None else square.transpose(transpose))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1..8; 1 where there is none or the EXIF block is damaged."""
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except DECODING_ERRORS:
        return 1
    return value if isinstance(value, int) else 1


def _shrunk(image: Image.Image, resize_size: int) -> Image.Image:
    """Return `image` in L, RGB or RGBA, made smaller by a whole factor if it is at least four times too large.

    In strips, so that the conversion of 25 megapixels does not need their memory once more or twice.
    """
    factor = min(image.size) // (2 * resize_size)
    if factor < 2:
        return _scalable(image)
    rows = factor * _STRIP_ROWS
    strips = [
        _scalable(image.crop((0, top, image.width, min(top + rows, image.height)))).reduce(factor)
        for top in range(0, image.height, rows)
    ]
    whole = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for number, strip in enumerate(strips):
        whole.paste(strip, (0, number * _STRIP_ROWS))
    return whole


def _scalable(image: Image.Image) -> Image.Image:
    """Return `image` in a mode that scales without artefacts: L, RGB or RGBA."""
    if image.mode == "RGBA":
        return image
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode.startswith("I"):  # 16 bits a pixel; Pillow's own conversion clips at 255 instead of scaling
        levels = np.clip(np.asarray(image).astype(np.int64), 0, 65535) >> 8
        return Image.fromarray(levels.astype(np.uint8))
    if image.mode in ("L", "RGB"):  # convert() would copy
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
    background = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(background, image).convert("RGB")


def _reason(data: bytes, error: BaseException) -> str:
    if not data:
        return "empty file"
    if isinstance(error, UnidentifiedImageError):
        return f"not a JPEG, PNG, GIF or WebP image (starts with {data[:8]!r})"
    return f"damaged image: {_first_line(error.args) or type(error).__name__}"


def _first_line(args: Sequence[object]) -> str:
    return str(args[-1]).splitlines()[0] if args and str(args[-1]) else ""
