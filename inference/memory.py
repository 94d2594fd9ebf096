"""What decoding a picture takes of memory, told by its header before a pixel is read.

Decoders differ: JPEG can be decoded at a fraction of its size, PNG, GIF, BMP and TIFF hold the picture once, WebP four
times, HEIC and AVIF the planes of the video frame that they are, the colours and the picture. A picture
of one pixel's width costs a pointer a row, one of one row two rows more.
"""

import struct

from PIL import Image

from inference.formats import is_turned, tile_pixels

MAX_PIXELS = 25_000_000
MAX_JPEG_PIXELS = 2**26  # cameras of phones have up to 64 megapixels; at an eighth of the size they cost little
MAX_HEAVY_BYTES = 800 * 2**20  # of HEIC and AVIF, which phones write and no decoder makes smaller
MAX_BYTES = 140 * 2**20  # of the 150 MB that any file may take; the rest is for what is not reckoned here
RIBBON = 2  # times as long as wide
_BYTES_OF_MODE = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}  # a pixel in Pillow; all others take 4
_WEBP_BYTES = 16  # a pixel: two canvases of the decoder's, the bytes it returns, and Pillow's image
VIDEO_BYTES = 12  # a pixel: 7.4 (HEIC) and 9.9 (AVIF) with 8 bits were measured, and twice the planes with 10 or 12
_ROW_BYTES = 16  # a pixel of PNG's rows: two of them, of four channels of 16 bits at most
_POINTER_BYTES = 8  # a row
_COEFFICIENT_BYTES = 2
_STRIP_BYTES = 8 * 2**20
_STRIP_COPIES = 3  # a strip is cut, converted and made smaller
_VIDEO = ("HEIF", "AVIF")
_SCALABLE_MODES = ("L", "RGB", "RGBA")


def max_pixels(kind: str) -> int:
    """Return how many pixels a picture of Pillow's format `kind` may have."""
    return MAX_JPEG_PIXELS if kind in ("JPEG", "MPO", "HEIF") else MAX_PIXELS


def max_bytes(kind: str) -> int:
    """Return how much memory the decoding of a picture of Pillow's format `kind` may take."""
    return MAX_HEAVY_BYTES if kind in _VIDEO else MAX_BYTES


def is_heavy(image: Image.Image) -> bool:
    """Tell whether decoding takes more than pictures may that are decoded beside others."""
    return image.format in _VIDEO and VIDEO_BYTES * image.width * image.height > MAX_BYTES


def reduction(size: tuple[int, int], resize_size: int) -> int:
    """Return the whole factor by which a picture of `size` is made smaller in strips; 1: it is not."""
    return max(1, min(size) // (2 * resize_size))


def strip_rows(width: int, factor: int) -> int:
    """Return how many rows of the smaller picture are made at once: few where a row is long."""
    return max(1, _STRIP_BYTES // (_STRIP_COPIES * 4 * width * factor))


def is_ribbon(size: tuple[int, int]) -> bool:
    """Tell whether most of a picture of `size` is not seen: the network sees its centre square."""
    return max(size) > RIBBON * min(size)


def needs_conversion(image: Image.Image) -> bool:
    """Tell whether `image` cannot be scaled in the mode it is decoded to."""
    return image.mode not in _SCALABLE_MODES or (image.mode != "RGBA" and "transparency" in image.info)


def decoding_bytes(image: Image.Image, data: bytes, full_size: tuple[int, int], resize_size: int) -> int:
    """Return how much memory the decoding of `data` takes at its peak, the file itself left out.

    `image` is opened but not loaded, and drafted if it is a JPEG, which had `full_size` before.
    """
    width, height = image.size
    if image.format == "WEBP":
        return _WEBP_BYTES * width * height
    if image.format in _VIDEO:
        return VIDEO_BYTES * width * height + _scaling_bytes(image, resize_size)
    total = (_BYTES_OF_MODE.get(image.mode, 4) * width + _POINTER_BYTES) * height + _scaling_bytes(image, resize_size)
    if image.format == "PNG":
        total += _ROW_BYTES * width
    if image.format == "TIFF":
        total += 4 * (tile_pixels(image) + is_turned(image) * width * height)
    if image.format in ("JPEG", "MPO") and keeps_coefficients(image, data):
        total += _coefficient_bytes(image, full_size)
    return total


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Return the size that a WebP file states; Pillow's decoder takes memory for it as it opens the file.

    Source: https://developers.google.com/speed/webp/docs/riff_container
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def webp_bytes(size: tuple[int, int]) -> int:
    """Return how much memory a WebP picture of `size` takes."""
    return _WEBP_BYTES * size[0] * size[1]


def keeps_coefficients(image: Image.Image, data: bytes) -> bool:
    """Tell whether libjpeg keeps the coefficients of the whole picture: its first scan does not hold all there is."""
    if "progressive" in image.info or "progression" in image.info:
        return True
    return _components_of_first_scan(data) < len(_sampling(image))


def _scaling_bytes(image: Image.Image, resize_size: int) -> int:
    """Return what cutting, converting and scaling take beside the picture; Pillow copies what is transparent."""
    width, height = image.size
    is_clear = image.mode in ("RGBA", "LA", "La", "PA") or "transparency" in image.info
    factor = reduction(image.size, resize_size)
    if factor == 1:
        copies = is_ribbon(image.size) + needs_conversion(image) + is_clear
        return 4 * copies * min(width * height, RIBBON * min(image.size) ** 2)
    rows = min(height, factor * strip_rows(width, factor))
    smaller = (4 * (width // factor + 1) + _POINTER_BYTES) * (height // factor + 1)
    return (1 + is_clear) * smaller + _STRIP_COPIES * 4 * width * rows


def _coefficient_bytes(image: Image.Image, full_size: tuple[int, int]) -> int:
    sampling = _sampling(image)
    across, down = max(h for h, _ in sampling), max(v for _, v in sampling)
    width, height = (-(-side // (8 * most)) * 8 * most for side, most in zip(full_size, (across, down), strict=True))
    blocks = sum(horizontal * vertical for horizontal, vertical in sampling)
    return _COEFFICIENT_BYTES * width * height * blocks // (across * down)


def _sampling(image: Image.Image) -> list[tuple[int, int]]:
    """Return the horizontal and the vertical sampling factor of each component of a JPEG."""
    return [(max(1, row[1]), max(1, row[2])) for row in getattr(image, "layer", [])] or [(1, 1)]


def _components_of_first_scan(data: bytes) -> int:
    """Return how many components the first scan of a JPEG holds; 0 where none is found."""
    place = 2
    while (place := data.find(b"\xff", place)) >= 0 and place + 5 < len(data):
        marker = data[place + 1]
        if marker == 0xDA:
            return data[place + 4]
        if marker == 0xFF:  # fill
            place += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # no length follows
            place += 2
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return 0
