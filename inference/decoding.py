"""From the bytes of an image file to the pixels that the network sees: the one path of training and serving.

This very file travels inside the model artifact, so evaluation and the endpoint see the same pixels for the same file,
to the last bit. It needs Pillow and numpy only: an endpoint that answers without torch starts without it.
"""

import io
import struct
import threading
import zlib
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from inference import formats, memory
from inference.formats import FORMATS, ORIENTATION_TAG
from inference.memory import MAX_JPEG_PIXELS, MAX_PIXELS
from inference.preprocessing import Preprocessing

Pixels = NDArray[np.uint8]
MAX_SCANNED_PIXELS = 12 * MAX_PIXELS  # a progressive JPEG usually has 10 scans; thousands would take minutes

_START_OF_SCAN = b"\xff\xda"
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
_HEAVY = threading.Lock()  # held while a picture is decoded that takes more than most may: one at a time
# All that Pillow's decoders raise on damaged files; nothing of ours runs inside that block but arithmetic.
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

PngImagePlugin.MAX_TEXT_MEMORY = 2**20  # of what a PNG says in words; Pillow's own bound, 64 MB, is over our budget


class ImageError(ValueError):
    """These bytes are not an image that can be classified; the message says why."""


def decode_pixels(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """Return the picture in `data` as uint8 (image_size, image_size, 3): upright, RGB, scaled, cropped.

    Only the first frame of an animation counts. Transparent parts become white.

    Raises:
        ImageError: none of the formats, damaged, over 25 megapixels (JPEG and HEIC: 67), or in need of over 150 MB to
            be decoded (HEIC and AVIF: 850, one at a time).
    """
    problem = _too_large_webp(data) or formats.missing_decoder(data)
    try:
        if not problem:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                problem = _too_costly(data, image, preprocessing.resize_size)
                if not problem:
                    with _HEAVY if memory.is_heavy(image) else nullcontext():
                        return np.asarray(_upright_square(image, preprocessing))
    except DECODING_ERRORS as error:
        raise ImageError(_reason(data, error)) from error
    raise ImageError(problem)


def _too_large_webp(data: bytes) -> str:
    """Return why a WebP file is not even opened; empty where it is, or is none."""
    size = memory.webp_size(data)
    return "" if size is None else _too_large("WEBP", size, memory.webp_bytes(size))


def _too_costly(data: bytes, image: Image.Image, resize_size: int) -> str:
    """Return why `image`, of which the header alone was read, is not decoded; empty where it is.

    A JPEG at least twice too large is set to be decoded at 1/2, 1/4 or 1/8, not smaller than needed: several times
    faster, by less than half a level of 255 another picture; training, evaluation and inference do the same.
    """
    size = image.size
    num_pixels = image.width * image.height
    num_scans = data.count(_START_OF_SCAN) if "progressive" in image.info else 1
    if num_pixels * num_scans > MAX_SCANNED_PIXELS and num_pixels <= MAX_JPEG_PIXELS:
        return f"progressive JPEG of {num_scans} scans over {num_pixels:,} pixels; save it as a baseline JPEG"
    if image.mode == "F":
        return f"{image.format} of floating-point numbers, whose white is not known; save it with 8 bits a colour"
    image.draft(None, (resize_size, resize_size))
    return _too_large(image.format or "", size, memory.decoding_bytes(image, data, size, resize_size))


def _too_large(kind: str, size: tuple[int, int], num_bytes: int) -> str:
    width, height = size
    if width * height > memory.max_pixels(kind):
        return f"image of {width} x {height} pixels; at most {memory.max_pixels(kind):,} pixels are decoded"
    if num_bytes > memory.max_bytes(kind):
        return (
            f"{kind} image of {width} x {height} pixels takes {num_bytes / 1e6:.0f} MB to decode, over the "
            f"{memory.max_bytes(kind) / 1e6:.0f} MB that any may; save it smaller, or as a baseline JPEG"
        )
    return ""


def _upright_square(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Return the centre square, RGB, with the EXIF orientation applied after scaling, where it costs nothing."""
    image.load()
    orientation = _orientation(image)
    scalable = _shrunk(image, preprocessing.resize_size)
    side = min(scalable.size) * preprocessing.image_size / preprocessing.resize_size
    left, top = (scalable.width - side) / 2, (scalable.height - side) / 2
    square = scalable.resize(
        (preprocessing.image_size, preprocessing.image_size),
        Image.Resampling[preprocessing.interpolation.upper()],
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
    factor = memory.reduction(image.size, resize_size)
    if factor == 1:
        return _scalable(_middle(image) if memory.is_ribbon(image.size) else image)
    size = (-(-image.width // factor), -(-image.height // factor))
    rows = factor * memory.strip_rows(image.width, factor)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip = _scalable(image.crop((0, top, image.width, bottom))).reduce(factor)
        if top == 0:
            whole = Image.new(strip.mode, size)
        whole.paste(strip, (0, top // factor))
    return whole


def _middle(image: Image.Image) -> Image.Image:
    """Return the part of a ribbon about its centre."""
    seen = memory.RIBBON * min(image.size)
    left, top = (max(0, (side - seen) // 2) for side in image.size)
    return image.crop((left, top, image.width - left, image.height - top))


def _scalable(image: Image.Image) -> Image.Image:
    """Return `image` in a mode that scales without artefacts: L, RGB or RGBA."""
    if not memory.needs_conversion(image):
        return image
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode.startswith("I"):  # 16 bits a pixel; Pillow's own conversion clips at 255 instead of scaling
        levels = np.clip(np.asarray(image), 0, 65535) >> 8
        return Image.fromarray(levels.astype(np.uint8))
    return image.convert("L" if image.mode == "1" else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
    background = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(background, image).convert("RGB")


def _reason(data: bytes, error: BaseException) -> str:
    """Return one sentence without a byte of the picture, which Pillow's own words may quote."""
    if not data:
        return "empty file"
    if isinstance(error, UnidentifiedImageError):
        return f"not a {formats.NAMES} image"
    if "truncated" in str(error):
        return "damaged image: the file ends too early"
    return f"damaged image: its content cannot be decoded ({type(error).__name__})"
