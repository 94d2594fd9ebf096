"""Computes one part of the features in any process of a job, from a task that says all that the part depends on."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from os import cpu_count
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.augmentation import training_preprocessing
from training.data.prefetch import prefetched
from training.data.splits import decode_image, room_for
from training.errors import FeaturesError
from training.features.extractors import Extractor
from training.features.looking import BATCH_SIZE, looked, varied
from training.features.parts import Identity, encode
from training.features.team import Task
from training.listing import Sample


class Workshop:
    """What computes parts: the backbone, how pictures reach it, and the pixels that are kept for a second use."""

    def __init__(
        self,
        config: TrainingConfig,
        extractor: Extractor | None,
        preprocessing: Preprocessing,
        backbone_sha256: str = "",
    ) -> None:
        self.config = config
        self.extractor = extractor
        self.backbone_sha256 = backbone_sha256
        self.preprocessing = preprocessing
        self.training = training_preprocessing(preprocessing, config.augment)
        self._cache: Tensor | None = None
        self._pixels: dict[str, Tensor] = {}  # of images to train on, by path

    @property
    def num_views(self) -> int:
        """How many varied views each training image gets."""
        return num_varied_views(self.config)

    def keep_pixels(self, count: int) -> None:
        """Keep the pixels of the next `count` images that are looked at, where they fit in `cache_mb`; 0: of none."""
        self._cache = room_for(count, self.training, self.config.cache_mb * 2**20) if count else None

    def looking(self, samples: Sequence[Sample], start: int) -> Task:
        """Return the task of looking at some pictures, of which the first is number `start` of its split."""
        names = [sample.relative_path for sample in samples]
        identity = self._identity("looked", names, preprocessing=asdict(self.preprocessing))
        return {"kind": "look", "identity": identity, "paths": _paths(samples), "start": start}

    def varying(self, samples: Sequence[Sample], digests: Sequence[bytes], number: int) -> Task:
        """Return the task of varying part `number` of the images to train on."""
        config = self.config
        files = [[sample.relative_path, digest.hex()] for sample, digest in zip(samples, digests, strict=True)]
        drawn = [config.augment, config.randaugment, self.num_views, config.seed, number]
        identity = self._identity("varied", files, preprocessing=asdict(self.training), drawn=drawn)
        return {"kind": "vary", "identity": identity, "paths": _paths(samples), "number": number}

    def work(self, task: Task) -> bytes:
        """Return the part that a task asks for, as the bytes of its file.

        Raises:
            FeaturesError: it asks for another backbone or engine than this process has.
        """
        self._check(task["identity"])
        if task["kind"] == "look":
            content, arrays = self._look(task)
            return encode(task["identity"], content, arrays)
        if self.extractor is None:
            raise ValueError("views need a backbone")
        views = varied(self._batches(task["paths"]), self.extractor, self.config, task["number"], self.num_views)
        return encode(task["identity"], {}, {"views": views})

    def _look(self, task: Task) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        paths = task["paths"]

        def keep(index: int, data: bytes, pixels: Tensor) -> None:
            if self._cache is not None:
                row = self._cache[task["start"] + index]
                row[:] = pixels if self.training == self.preprocessing else decode_image(data, self.training)
                self._pixels[paths[index]] = row

        return looked([Path(path) for path in paths], self.extractor, self.preprocessing, keep)

    def _batches(self, paths: Sequence[str]) -> Iterator[Tensor]:
        """Yield uint8 images as they are trained on; they are decoded ahead where their pixels were not kept."""
        batches = self._decoded(paths)
        return batches if all(path in self._pixels for path in paths) else prefetched(batches)

    def _decoded(self, paths: Sequence[str]) -> Iterator[Tensor]:
        def pixels(path: str) -> Tensor:
            kept = self._pixels.get(path)
            return decode_image(Path(path).read_bytes(), self.training) if kept is None else kept

        with ThreadPoolExecutor(cpu_count()) as pool:
            for start in range(0, len(paths), BATCH_SIZE):
                yield torch.stack(list(pool.map(pixels, paths[start : start + BATCH_SIZE])))

    def _identity(self, kind: str, files: object, **more: object) -> Identity:
        sha256 = hashlib.sha256(json.dumps(files).encode()).hexdigest()
        return {"kind": kind, "files": sha256, **self._engine(), **more}

    def _engine(self) -> dict[str, object]:
        extractor = None if self.extractor is None else [self.extractor.name, self.extractor.precision]
        return {"backbone": self.backbone_sha256, "extractor": extractor}

    def _check(self, identity: Identity) -> None:
        for name, own in self._engine().items():
            if identity[name] != own:
                raise FeaturesError(
                    f"the first process computes by {name} {identity[name]!r}, this one by {own!r}; start all from one "
                    "image, with the same packages and weights"
                )


def num_varied_views(config: TrainingConfig) -> int:
    """Return how many varied views each training image gets; none where nothing varies it."""
    return config.feature_views if config.augment != "none" or config.randaugment else 0


def _paths(samples: Sequence[Sample]) -> list[str]:
    return [str(sample.path) for sample in samples]
