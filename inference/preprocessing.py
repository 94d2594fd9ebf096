"""How an image becomes the network's input, as model.json records it."""

from dataclasses import asdict, dataclass
from typing import Any

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """Sizes, in pixels, and the normalisation of the colours.

    The shorter side is scaled to `resize_size` and the centre square of `image_size` taken, both in pixels and in one
    step, so an extreme aspect ratio costs no memory.
    """

    image_size: int
    resize_size: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bilinear"

    @classmethod
    def for_image_size(cls, image_size: int) -> "Preprocessing":
        """Photographs at 128 pixels and more lose an eighth of their shorter side, as is usual (256 to 224)."""
        return cls(image_size, image_size if image_size < 128 else round(image_size * 8 / 7))

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Preprocessing":
        """Read back what `to_dict` wrote."""
        if fields["interpolation"] != "bilinear":
            raise ValueError(f"interpolation {fields['interpolation']!r} of model.json is not known; use 'bilinear'")
        return cls(int(fields["image_size"]), int(fields["resize_size"]), tuple(fields["mean"]), tuple(fields["std"]))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)
