"""How an image becomes the network's input, as model.json records it."""

from dataclasses import asdict, dataclass, replace
from typing import Any

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INTERPOLATIONS = ("bilinear", "bicubic")
EFFICIENTNET_LITE0 = "efficientnet_lite0"
# What the published weights of a network were trained to see, where that is not ImageNet's mean, standard deviation and
# bilinear interpolation. Source: the metadata of torchvision's weights; EfficientNet-Lite takes (pixel - 127) / 128.
_HALF = (0.5, 0.5, 0.5)
_COLOURS = {
    EFFICIENTNET_LITE0: ((127 / 255,) * 3, (128 / 255,) * 3),
    "efficientnet_v2_l": (_HALF, _HALF),
}
_BICUBIC = frozenset(
    {f"efficientnet_b{number}" for number in (0, 2, 3, 4, 5, 6, 7)}
    | {EFFICIENTNET_LITE0, "efficientnet_v2_l", "regnet_y_128gf", "vit_h_14"}
    | {f"swin_{variant}" for variant in ("t", "s", "b", "v2_t", "v2_s", "v2_b")}
)


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
    def for_model(cls, model_name: str, image_size: int) -> "Preprocessing":
        """Return what the published weights of the network were trained to see, at `image_size` pixels."""
        mean, std = _COLOURS.get(model_name, (IMAGENET_MEAN, IMAGENET_STD))
        interpolation = "bicubic" if model_name in _BICUBIC else "bilinear"
        return replace(cls.for_image_size(image_size), mean=mean, std=std, interpolation=interpolation)

    @classmethod
    def for_image_size(cls, image_size: int) -> "Preprocessing":
        """Photographs at 128 pixels and more lose an eighth of their shorter side, as is usual (256 to 224)."""
        return cls(image_size, image_size if image_size < 128 else round(image_size * 8 / 7))

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Preprocessing":
        """Read back what `to_dict` wrote."""
        interpolation = fields["interpolation"]
        if interpolation not in INTERPOLATIONS:
            known = ", ".join(INTERPOLATIONS)
            raise ValueError(f"interpolation {interpolation!r} of model.json is not known; use one of {known}")
        sizes = int(fields["image_size"]), int(fields["resize_size"])
        return cls(*sizes, tuple(fields["mean"]), tuple(fields["std"]), interpolation)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)
