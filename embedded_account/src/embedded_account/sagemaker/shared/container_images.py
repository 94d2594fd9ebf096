"""Which container images this account carries out: AWS's PyTorch ones, by the name of their repository."""

from pathlib import Path

CONTAINER_MODULES = Path(__file__).parents[1] / "containers" / "training"  # on the path of every container's Python
TRAINING_REPOSITORY = "pytorch-training"
INFERENCE_REPOSITORY = "pytorch-inference"


class UnknownImageError(Exception):
    """The image is none that this account can carry out."""


def repository(image_uri: str) -> str:
    """Return the repository's name in `image_uri`: "pytorch-training" of ".../pytorch-training:2.8.0-cpu-py312"."""
    return image_uri.rsplit("/", 1)[-1].split("@", 1)[0].split(":", 1)[0]


def check_image(image_uri: str, expected: str) -> None:
    """Raise UnknownImageError unless `image_uri` is of the repository `expected`."""
    if repository(image_uri) != expected:
        raise UnknownImageError(
            f"cannot pull the container image {image_uri!r}; the embedded account carries out images of the "
            f"repository {expected!r} only"
        )
