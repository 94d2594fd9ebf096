"""Decoding: every kind of image becomes the same RGB picture, and a damaged one a typed error."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from inference.decoding import ImageError, decode_pixels
from inference.model import known_model_names, normalise
from inference.preprocessing import Preprocessing
from training.data.splits import decode_image

PREPROCESSING = Preprocessing.for_image_size(32)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def scene(width: int = 60, height: int = 40) -> Image.Image:
    """A smooth picture whose four corners differ, so that every wrong turn shows."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return Image.fromarray((np.stack([x, y, 1 - x * y], axis=-1) * 255).astype(np.uint8))


def difference(first: Tensor, second: Tensor) -> float:
    """Mean difference as a fraction of the full range."""
    return (first.float() - second.float()).abs().mean().item() / 255


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (1, lambda image: image),
        (2, lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        (3, lambda image: image.transpose(Image.Transpose.ROTATE_180)),
        (4, lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)),
        (5, lambda image: image.transpose(Image.Transpose.TRANSPOSE)),
        (6, lambda image: image.transpose(Image.Transpose.ROTATE_90)),
        (7, lambda image: image.transpose(Image.Transpose.TRANSVERSE)),
        (8, lambda image: image.transpose(Image.Transpose.ROTATE_270)),
    ],
)
def test_exif_orientation_gives_the_upright_picture(
    orientation: int, undo: Callable[[Image.Image], Image.Image]
) -> None:
    """A camera held sideways gives the same input as one held upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation

    turned = decode_image(encode(undo(scene()), "PNG", exif=exif), PREPROCESSING)

    assert difference(turned, decode_image(encode(scene(), "PNG"), PREPROCESSING)) < 0.005


def sixteen_bit(image: Image.Image) -> bytes:
    levels = np.asarray(image.convert("L")).astype(np.uint16) * 257
    return encode(Image.fromarray(levels), "PNG")


@pytest.mark.parametrize(
    ("variant", "reference"),
    [
        (encode(scene().convert("CMYK"), "JPEG", quality=95), scene()),
        (sixteen_bit(scene()), scene().convert("L")),
        (encode(scene().convert("L"), "PNG"), scene().convert("L")),
        (encode(scene().convert("1"), "PNG"), scene().convert("1")),
        (encode(scene().quantize(256), "PNG"), scene()),
        (encode(scene().convert("RGBA"), "PNG"), scene()),
        (encode(scene().convert("LA"), "PNG"), scene().convert("L")),
        (encode(scene(), "WEBP", lossless=True), scene()),
        (encode(scene().quantize(256), "GIF", save_all=True, append_images=[Image.new("P", (60, 40))]), scene()),
    ],
    ids=["cmyk", "16-bit", "grey", "bilevel", "palette", "alpha", "grey alpha", "webp", "animated gif"],
)
def test_every_mode_becomes_the_same_rgb_picture(variant: bytes, reference: Image.Image) -> None:
    """Colour model, depth and container do not change what the network sees by more than 2 %."""
    pixels = decode_image(variant, PREPROCESSING)

    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == torch.uint8
    assert difference(pixels, decode_image(encode(reference.convert("RGB"), "PNG"), PREPROCESSING)) < 0.02


def test_transparent_pixels_become_white() -> None:
    """What a viewer shows behind a transparent picture, not the colour hidden in it."""
    pixels = decode_image(encode(Image.new("RGBA", (40, 40), (255, 0, 0, 0)), "PNG"), PREPROCESSING)

    assert pixels.min() == 255


def test_extreme_aspect_ratio_gives_the_centre_square() -> None:
    """A ribbon of 1 x 20,000 pixels costs no more than any other image."""
    assert decode_image(encode(Image.new("L", (20_000, 1), 77), "PNG"), PREPROCESSING).float().std() == 0


def test_large_jpeg_comes_out_as_if_decoded_in_full() -> None:
    """Scaled decoding of large photographs stays within 1 % of the exact picture."""
    large = scene(1600, 1200)

    pixels = decode_image(encode(large, "JPEG", quality=95), PREPROCESSING)

    assert difference(pixels, decode_image(encode(large, "PNG"), PREPROCESSING)) < 0.01


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "I;16"])
def test_large_lossless_image_is_made_smaller_in_strips(mode: str) -> None:
    """Whatever the mode, and though neither side is a multiple of the factor or of a strip."""
    large = scene(1501, 1103)
    if mode == "I;16":
        data, reference = sixteen_bit(large), large.convert("L")
    else:
        data, reference = encode(large.convert(mode), "PNG"), large.convert("L" if mode == "LA" else "RGB")

    pixels = decode_image(data, PREPROCESSING)

    assert difference(pixels, decode_image(encode(reference.resize((60, 44)), "PNG"), PREPROCESSING)) < 0.02


def test_progressive_jpeg_with_endless_scans_is_refused() -> None:
    """Each scan is work over all pixels: few bytes would keep a core busy for minutes."""
    data = encode(scene(2000, 1500), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]

    with pytest.raises(ImageError, match=r"progressive JPEG of 2\d\d scans over 3,000,000 pixels"):
        decode_image(data[:-2] + 200 * scan + data[-2:], PREPROCESSING)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<html>not found</html>", "^not a JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF or HEIC image$"),
        (encode(scene(), "PNG")[:200], "damaged image"),
        (encode(scene(), "JPEG", quality=95)[:-100], "damaged image: the file ends too early"),
        (encode(scene(), "PPM"), "not a JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF or HEIC image"),
        (encode(Image.new("1", (5001, 5000)), "PNG"), "image of 5001 x 5000 pixels; at most 25,000,000"),
    ],
    ids=["empty", "html", "cut png", "cut jpeg", "ppm", "too large"],
)
def test_unreadable_image_is_a_typed_error(data: bytes, reason: str) -> None:
    """The reason is in words that the owner of the file understands."""
    with pytest.raises(ImageError, match=reason):
        decode_image(data, PREPROCESSING)


def test_normalise_gives_an_image_the_same_numbers_in_any_batch() -> None:
    """Alone or among others, every bit is the same."""
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)

    together = normalise(images, PREPROCESSING)

    assert torch.equal(together[3:4], normalise(images[3:4], PREPROCESSING))
    assert together.dtype == torch.float32


def test_preprocessing_survives_model_json() -> None:
    """What evaluation used is what inference reads back."""
    assert Preprocessing.from_dict(Preprocessing.for_image_size(224).to_dict()) == Preprocessing(224, 256)
    of_lite = Preprocessing.for_model("efficientnet_lite0", 224)
    assert Preprocessing.from_dict(of_lite.to_dict()) == of_lite


@pytest.mark.parametrize("model_name", sorted(set(known_model_names()) - {"efficientnet_lite0"}))
def test_preprocessing_is_what_the_weights_were_trained_on(model_name: str) -> None:
    """Mean, standard deviation and interpolation of every network are those that torchvision's metadata state."""
    from torchvision import models

    published = models.get_model_weights(model_name).DEFAULT.transforms()

    preprocessing = Preprocessing.for_model(model_name, 224)

    assert preprocessing.mean == tuple(published.mean)
    assert preprocessing.std == tuple(published.std)
    assert preprocessing.interpolation == published.interpolation.value


def test_bicubic_scaling_is_pillows() -> None:
    """A network that was trained on bicubic pixels is served bicubic pixels."""
    picture = Image.effect_noise((100, 100), 60).convert("RGB")

    pixels = decode_pixels(encode(picture, "PNG"), Preprocessing(64, 64, interpolation="bicubic"))

    assert np.array_equal(pixels, np.asarray(picture.resize((64, 64), Image.Resampling.BICUBIC)))
