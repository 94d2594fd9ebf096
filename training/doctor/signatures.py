"""What one picture is by itself: content, size, how it looks when made small, and how sharp and bright it is."""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

THUMBNAIL_SIDE = 64
HASH_SIDE = 8  # of the coefficients that the perceptual hash keeps: 64 bits
_SPECTRUM_SIDE = 32  # of the picture that they are computed of

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Signature:
    """One picture in about 4 KB; `thumbnail` is the whole picture in grey, made square."""

    sha256: bytes
    width: int
    height: int
    perceptual_hash: int
    thumbnail: Grey  # (64, 64)
    sharpness: float  # at the size that the network sees; 0: one colour
    brightness: float  # mean grey, 0 to 255
    contrast: float  # standard deviation of grey

    @property
    def shorter_side(self) -> int:
        return min(self.width, self.height)


def signature_of(data: bytes, served: NDArray[np.uint8]) -> Signature:
    """Return the signature of a file that decodes; `served` (3, H, W) is what the network sees of it."""
    thumbnail, (width, height) = _thumbnail(data)
    grey = served.mean(axis=0, dtype=np.float32)
    return Signature(
        hashlib.sha256(data).digest(),
        width,
        height,
        perceptual_hash(thumbnail),
        thumbnail,
        sharpness(grey),
        float(grey.mean()),
        float(grey.std()),
    )


def perceptual_hash(thumbnail: Grey) -> int:
    """Return 64 bits, alike for pictures that look alike: the signs of the lowest frequencies about their median.

    Source: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010.
    """
    blocks = thumbnail.reshape(_SPECTRUM_SIDE, 2, _SPECTRUM_SIDE, 2).mean(axis=(1, 3))
    spectrum = (_COSINES @ blocks @ _COSINES.T).ravel()
    bits = spectrum > np.median(spectrum[1:])  # the mean of the picture is no part of how it looks
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def sharpness(grey: NDArray[np.float32]) -> float:
    """Return how much of a picture's variation is between neighbours: about 0 where it is blurred."""
    laplacian = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    return float(laplacian.var() / max(float(grey.var()), 1.0))


def _thumbnail(data: bytes) -> tuple[Grey, tuple[int, int]]:
    """Return the whole picture, upright, in grey and made square, and the size of the file's own."""
    with Image.open(io.BytesIO(data)) as image:
        size = image.size
        image.draft("L", (2 * THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE))
        upright = ImageOps.exif_transpose(image.convert("L").resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE)))
    return np.asarray(upright), size


def _cosines() -> NDArray[np.float64]:
    """Return the lowest frequencies of the discrete cosine transform (8, 32)."""
    frequencies, places = np.arange(HASH_SIDE)[:, None], np.arange(_SPECTRUM_SIDE)[None]
    return np.asarray(np.cos(np.pi * frequencies * (2 * places + 1) / (2 * _SPECTRUM_SIDE)))


_COSINES = _cosines()
