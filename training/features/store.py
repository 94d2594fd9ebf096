"""Features on disk: what a frozen backbone gives for every image, in checked files of bounded size.

    manifest.json            written last; names every other file with its SHA-256
    train-0000.npy           float16 (rows, views, num_features); view 0 is the image as it is served
    train-samples.json       [["daisy/1.jpg", class index, SHA-256 of the file], ...] in the order of the rows
    validation-0000.npy      float16 (rows, 1, num_features)
    validation-samples.json
    calibration.npy          uint8 (N, H, W, 3); some training images as they are served, to bring the network to int8

A reader checks every file before it uses any, and reads features from the files as it needs them.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.errors import FeaturesError

FORMAT = 1
MANIFEST_FILE = "manifest.json"
CALIBRATION_FILE = "calibration.npy"
SHARD_BYTES = 64 * 2**20
_READ_BYTES = 2**20

Features = NDArray[np.float16]
SampleRow = tuple[str, int, str]  # path relative to the split's folder, class index, SHA-256 of the file in hex


class FeatureWriter:
    """Writes the features of one dataset to an empty folder."""

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self.shard_bytes = shard_bytes
        self.splits: dict[str, Any] = {}
        self.calibration: dict[str, str] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def write_split(self, name: str, samples: Sequence[SampleRow], blocks: Iterable[Tensor]) -> None:
        """Write `blocks`, float (rows, views, num_features) each, as shards of at most about `shard_bytes`."""
        shards: list[dict[str, Any]] = []
        waiting: list[Features] = []
        num_bytes, shape = 0, (0, 0)
        for block in blocks:
            rows = half_precision(block).numpy()
            if waiting and num_bytes + rows.nbytes > self.shard_bytes:
                shards.append(self._shard(name, len(shards), waiting))
                waiting, num_bytes = [], 0
            waiting.append(rows)
            num_bytes += rows.nbytes
            shape = rows.shape[1:]
        shards.append(self._shard(name, len(shards), waiting))
        path = self.folder / f"{name}-samples.json"
        path.write_text(json.dumps(samples, ensure_ascii=False), encoding="utf-8")
        self.splits[name] = {
            "num_images": len(samples),
            "num_views": shape[0],
            "num_features": shape[1],
            "samples": {"file": path.name, "sha256": sha256_of(path)},
            "shards": shards,
        }

    def write_calibration(self, images: NDArray[np.uint8]) -> None:
        """Write `images` (N, H, W, 3)."""
        path = self.folder / CALIBRATION_FILE
        np.save(path, images, allow_pickle=False)
        self.calibration = {"file": path.name, "sha256": sha256_of(path)}

    def finish(self, description: dict[str, Any]) -> None:
        """Write the manifest: from now on the folder counts as complete."""
        manifest = {"format_version": FORMAT, **description, "splits": self.splits, "calibration": self.calibration}
        partial = self.folder / f"{MANIFEST_FILE}.partial"
        partial.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(self.folder / MANIFEST_FILE)

    def _shard(self, split: str, number: int, blocks: list[Features]) -> dict[str, Any]:
        path = self.folder / f"{split}-{number:04d}.npy"
        np.save(path, np.concatenate(blocks), allow_pickle=False)
        return {"file": path.name, "num_images": sum(map(len, blocks)), "sha256": sha256_of(path)}


def half_precision(features: Tensor) -> Tensor:
    """Return `features` as float16.

    Raises:
        FeaturesError: one is no number, or larger than float16 holds; a head would learn from infinities.
    """
    if not bool(torch.isfinite(features).all()):
        raise FeaturesError(
            "the backbone gives features that are no finite numbers; use feature_precision=fp32, or other weights"
        )
    halved = features.to(torch.float16)
    if not bool(torch.isfinite(halved).all()):
        most, greatest = torch.finfo(halved.dtype).max, float(features.abs().max())
        raise FeaturesError(
            f"the backbone gives features up to {greatest:.3g}, and {most:,.0f} is the most that is kept of one; "
            "use trainable=full, or other weights"
        )
    return halved


@dataclass(frozen=True)
class FeatureSplit:
    """The features of one split, in shards that lie on disk."""

    name: str
    samples: list[SampleRow]
    shards: list[Features]  # (rows, views, num_features) each
    num_views: int

    @property
    def labels(self) -> Tensor:
        """The class index of each image, (N,) int64."""
        return torch.tensor([index for _, index, _ in self.samples], dtype=torch.int64)

    @property
    def num_features(self) -> int:
        """The width of the backbone's output."""
        return int(self.shards[0].shape[2])

    def scale(self) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation (num_features,) of each feature over all images and views.

        One that hardly varies counts as varying by a hundredth of the others, or its noise would be blown up.
        """
        count, total, squares = 0, np.zeros(self.num_features), np.zeros(self.num_features)
        for shard in self.shards:
            for rows in np.array_split(shard, max(1, len(shard) // 1024)):
                values = rows.reshape(-1, self.num_features).astype(np.float64)
                count, total, squares = count + len(values), total + values.sum(0), squares + (values**2).sum(0)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
        least = max(float(deviation.mean()) / 100, 1e-6)
        return torch.from_numpy(mean).float(), torch.from_numpy(np.maximum(deviation, least)).float()

    def take(self, rows: Tensor, views: Tensor) -> Tensor:
        """Return float32 features (B, num_features): of image `rows[i]` the view `views[i]`."""
        starts = np.cumsum([0, *map(len, self.shards)])
        wanted, chosen = rows.numpy(), views.numpy()
        owner = np.searchsorted(starts, wanted, side="right") - 1
        taken = np.empty((len(wanted), self.num_features), np.float16)
        for shard in np.unique(owner):
            mine = owner == shard
            taken[mine] = self.shards[shard][wanted[mine] - starts[shard], chosen[mine]]
        return torch.from_numpy(taken).float()


@dataclass(frozen=True)
class FeatureStore:
    """A complete and checked folder of features."""

    description: dict[str, Any]  # the manifest
    train: FeatureSplit
    validation: FeatureSplit
    calibration: NDArray[np.uint8] | None = None  # (N, H, W, 3); None where none were kept


def is_complete(folder: Path) -> bool:
    """Tell whether there is a manifest, which is written last."""
    return (folder / MANIFEST_FILE).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest.

    Raises:
        FeaturesError: there is none, or of a format that is not known.
    """
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        version = manifest["format_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FeaturesError(
            f"features folder {str(folder)!r} has no {MANIFEST_FILE} that can be read ({error}); compute the features"
        ) from error
    if version != FORMAT:
        raise FeaturesError(f"features of format {version!r}; this code reads format {FORMAT}: compute them again")
    return dict(manifest)


def open_store(folder: Path) -> FeatureStore:
    """Check every file of `folder` and return what they hold.

    Raises:
        FeaturesError: a file is missing, or is not what was written.
    """
    manifest = read_manifest(folder)
    try:
        train, validation = (_open_split(folder, name, manifest["splits"][name]) for name in ("train", "validation"))
        calibration = _open_array(folder, manifest["calibration"]) if manifest.get("calibration") else None
    except (KeyError, TypeError) as error:
        raise FeaturesError(f"{MANIFEST_FILE} lacks {error}; compute the features again") from error
    return FeatureStore(manifest, train, validation, calibration)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _open_split(folder: Path, name: str, row: dict[str, Any]) -> FeatureSplit:
    _check_file(folder / row["samples"]["file"], row["samples"]["sha256"])
    rows = json.loads((folder / row["samples"]["file"]).read_text(encoding="utf-8"))
    samples = [(path, index, sha256) for path, index, sha256 in rows]
    return FeatureSplit(name, samples, [_open_array(folder, part) for part in row["shards"]], row["num_views"])


def _open_array(folder: Path, part: dict[str, Any]) -> NDArray[Any]:
    _check_file(folder / part["file"], part["sha256"])
    array: NDArray[Any] = np.load(folder / part["file"], mmap_mode="r", allow_pickle=False)
    return array


def _check_file(path: Path, sha256: str) -> None:
    try:
        actual = sha256_of(path)
    except OSError as error:
        raise FeaturesError(
            f"features file {path.name!r} cannot be read ({error}); compute the features again"
        ) from error
    if actual != sha256:
        raise FeaturesError(
            f"features file {path.name!r} is damaged: its SHA-256 is {actual[:12]}, {MANIFEST_FILE} says "
            f"{sha256[:12]}; compute the features again"
        )
