"""The AWS Deep Learning Containers that train and serve: which ones, until when AWS patches them, and their URIs.

The registry of a region comes from the SageMaker SDK, the version from RELEASES below and from nowhere else; a person
takes another image with --parameter TrainingImageUri=... or InferenceImageUri=....

The SDK takes about 1.5 s to import, so answers are kept under build/, and a process of its own can find them
while something else goes on:

    python -m ops.packaging.container_images us-east-1 ml.m5.xlarge ml.m5.large
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from ops.errors import BundleError
from ops.session import REPOSITORY


@dataclass(frozen=True)
class Release:
    """A version of PyTorch as AWS builds it for SageMaker."""

    version: str
    python: str  # as its tag says it
    patched_until: date


# Read on 2026-11-29. AWS has made no PyTorch inference image after 2.6, which was the last one with TorchServe.
# Source: https://aws.github.io/deep-learning-containers/reference/support_policy
RELEASES = {
    "training": Release("2.10", "py313", date(2027, 1, 21)),
    "inference": Release("2.6", "py312", date(2026, 6, 30)),
}
_OWN_REPOSITORIES = ("/pytorch-training:", "/pytorch-inference:")
_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class ImageUris:
    """The container images of one region and kind of instance."""

    training: str
    inference: str


def is_from_sdk(uri: str) -> bool:
    """Tell whether `uri` is one that this module chose, and so may follow the instance type and the version."""
    return not uri or any(repository in uri for repository in _OWN_REPOSITORIES)


def release_of(uri: str) -> Release | None:
    """Return the release that `uri` is an image of; None for an image of somebody's own or of another version."""
    for scope, release in RELEASES.items():
        if re.search(rf"/pytorch-{scope}:{re.escape(release.version)}-[a-z]+-{release.python}$", uri):
            return release
    return None


def prefetch(region: str, training_instance_type: str, inference_instance_type: str) -> subprocess.Popen[str] | None:
    """Start to find the images in another process; None when they are known already."""
    if _cache_file(region, training_instance_type, inference_instance_type).exists():
        return None
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "ops.packaging.container_images",
            region,
            training_instance_type,
            inference_instance_type,
        ],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def image_uris(region: str, training_instance_type: str, inference_instance_type: str) -> ImageUris:
    """Return the images for `region` and the instance types (CPU or GPU decides).

    Raises:
        BundleError: the SDK knows none for this region.
    """
    cache = _cache_file(region, training_instance_type, inference_instance_type)
    if not cache.exists():
        _find(prefetch(region, training_instance_type, inference_instance_type), region)
    return ImageUris(**json.loads(cache.read_text()))


def _find(process: subprocess.Popen[str] | None, region: str) -> None:
    if process is None:
        return
    try:
        _, errors = process.communicate(timeout=_WAIT_SECONDS)
    except subprocess.TimeoutExpired as error:
        process.kill()
        raise BundleError(f"container images: no answer from the SageMaker SDK in {_WAIT_SECONDS:.0f} s") from error
    if process.returncode != 0:
        reason = errors.strip().splitlines()[-1] if errors.strip() else f"exit code {process.returncode}"
        raise BundleError(
            f"container images for region {region!r}: {reason}; name them yourself with"
            " --parameter TrainingImageUri=... --parameter InferenceImageUri=..."
        )


def _cache_file(region: str, *instance_types: str) -> Path:
    kinds = "-".join(_accelerator(instance_type) for instance_type in instance_types)
    releases = "-".join(f"{release.version}-{release.python}" for release in RELEASES.values())
    name = f"{version('sagemaker')}-{releases}-{region}-{kinds}.json"
    return REPOSITORY / "build" / "images" / name


def _accelerator(instance_type: str) -> str:
    family = instance_type.removeprefix("ml.")[:1]
    return "gpu" if family in {"g", "p"} else "cpu"


def _retrieve(region: str, training_instance_type: str, inference_instance_type: str) -> ImageUris:
    os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
    from sagemaker import image_uris as sdk

    def uri(scope: str, instance_type: str) -> str:
        known = sdk.config_for_framework("pytorch")[scope]["versions"]  # type: ignore[no-untyped-call]
        newest = list(known)[-1]
        # The SDK refuses versions that are newer than itself; registry and repository are those of every version.
        pattern = sdk.retrieve(
            "pytorch",
            region=region,
            version=newest,
            py_version=known[newest]["py_versions"][-1],
            instance_type=instance_type,
            image_scope=scope,
        )
        repository, _, tag = str(pattern).rpartition(":")
        return f"{repository}:{RELEASES[scope].version}-{tag.split('-')[1]}-{RELEASES[scope].python}"

    return ImageUris(
        training=uri("training", training_instance_type), inference=uri("inference", inference_instance_type)
    )


def main() -> None:
    """Find the images named on the command line and keep them under build/."""
    region, training_instance_type, inference_instance_type = sys.argv[1:]
    cache = _cache_file(region, training_instance_type, inference_instance_type)
    try:
        uris = _retrieve(region, training_instance_type, inference_instance_type)
    except (ValueError, KeyError) as error:
        sys.exit(" ".join(str(error).split()))
    cache.parent.mkdir(parents=True, exist_ok=True)
    scratch = cache.with_suffix(f".{os.getpid()}.tmp")
    scratch.write_text(json.dumps(asdict(uris), indent=2))
    scratch.replace(cache)


if __name__ == "__main__":
    main()
