"""Pictures with details at random places, as photographs have them, and what people do to copies."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from training.doctor.signatures import Signature, signature_of

SIDE = 96


def photograph(seed: int, side: int = SIDE) -> Image.Image:
    """Return a picture of random shapes that no other seed has."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((SIDE, SIDE))
    grain = rng.normal(np.asarray(coarse), 12).clip(0, 255).astype(np.uint8)
    return Image.fromarray(grain).resize((side, side))


def saved(picture: Image.Image, quality: int = 90) -> bytes:
    """Return the picture as a JPEG."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def cropped(picture: Image.Image, share: float = 0.8) -> Image.Image:
    """Return a part of the picture, from a corner."""
    return picture.crop((0, 0, int(picture.width * share), int(picture.height * share)))


def blurred(picture: Image.Image) -> Image.Image:
    """Return the picture without its details."""
    return picture.filter(ImageFilter.GaussianBlur(8))


def signature(data: bytes, side: int = 64) -> Signature:
    """Return the signature of a file."""
    served = Image.open(io.BytesIO(data)).convert("RGB").resize((side, side))
    return signature_of(data, np.asarray(served).transpose(2, 0, 1))


def features(count: int, seed: int = 0) -> Any:
    """Return features of pictures that have nothing in common."""
    return np.random.default_rng(seed).normal(size=(count, 32)).astype(np.float32)
