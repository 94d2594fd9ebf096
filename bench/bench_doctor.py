"""Precision and recall of the doctor on faults planted among real photographs, and its seconds.

    python bench/bench_doctor.py ../shared/data/flowers

Copies of 150 photographs (saved again, at a third of the size, cropped to 0.9, 0.8 and 0.7 of the sides) and labels of
3, 5 and 10 in 100 are planted; what the photographs have of their own is found first and counts for neither side.
"""

import argparse
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from inference.decoding import decode_pixels
from inference.model import ModelSpec, build_model, replace_head
from inference.preprocessing import Preprocessing
from training.doctor.duplicates import clusters, find_pairs
from training.doctor.labels import suspects
from training.doctor.signatures import Signature, signature_of
from training.features.extractors import make_extractor
from training.model.packaged import load_packaged_weights

PLANTED = 150
BATCH = 32
PREPROCESSING = Preprocessing.for_model("efficientnet_lite0", 224)


@dataclass(frozen=True)
class Photographs:
    """Files with their signatures and features."""

    files: list[bytes]
    signatures: list[Signature]
    features: NDArray[np.float32]


def looked_at(files: Sequence[bytes], extractor: Any) -> Photographs:
    """Return what the doctor sees of files."""
    pixels = [decode_pixels(data, PREPROCESSING).transpose(2, 0, 1) for data in files]
    signatures = [signature_of(data, served) for data, served in zip(files, pixels, strict=True)]
    batches = [np.stack(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)]
    features = np.concatenate([extractor.features(torch.from_numpy(batch)).numpy() for batch in batches])
    return Photographs(list(files), signatures, features)


def saved(picture: Image.Image, quality: int = 90) -> bytes:
    """Return a picture as a JPEG."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def cropped(share: float, rng: np.random.Generator) -> Callable[[Image.Image], bytes]:
    """Return what crops a picture at a random place."""

    def crop(picture: Image.Image) -> bytes:
        width, height = (int(side * share) for side in picture.size)
        left, top = rng.integers(0, picture.width - width + 1), rng.integers(0, picture.height - height + 1)
        return saved(picture.crop((int(left), int(top), int(left) + width, int(top) + height)))

    return crop


def copies(rng: np.random.Generator) -> dict[str, Callable[[Image.Image], bytes]]:
    """Return what people do to pictures."""
    kinds: dict[str, Callable[[Image.Image], bytes]] = {
        "saved again, quality 20": lambda picture: saved(picture, 20),
        "a third of the size": lambda picture: saved(picture.resize((picture.width // 3, picture.height // 3))),
    }
    return kinds | {f"cropped to {share}": cropped(share, rng) for share in (0.9, 0.8, 0.7)}


def measure_copies(own: Photographs, labels: list[int], extractor: Any) -> list[int]:
    """Print recall and precision of each kind of copy; return the clusters that the photographs have of their own."""
    rng = np.random.default_rng(0)
    started = time.process_time()
    base = clusters(len(labels), find_pairs(own.signatures, labels, own.features))
    print(f"own copies: {len(labels) - len(set(base))} of {len(labels)}, {time.process_time() - started:.1f} CPU s")
    chosen = rng.choice(len(labels), PLANTED, replace=False).tolist()
    for kind, copy in copies(rng).items():
        files = [copy(Image.open(io.BytesIO(own.files[index])).convert("RGB")) for index in chosen]
        planted = looked_at(files, extractor)
        pairs = find_pairs(
            [*own.signatures, *planted.signatures],
            labels + [labels[index] for index in chosen],
            np.concatenate([own.features, planted.features]),
        )
        root = clusters(len(labels) + PLANTED, pairs)
        right = base + [base[index] for index in chosen]
        hits = sum(root[len(labels) + place] == root[index] for place, index in enumerate(chosen))
        wrong = sum(right[pair.first] != right[pair.second] for pair in pairs)
        print(f"{kind:26} recall {hits / PLANTED:.3f}  pairs {len(pairs)}  wrong pairs {wrong}")
    return base


def measure_labels(own: Photographs, labels: list[int], base: list[int]) -> None:
    """Print recall and precision on planted labels."""
    num_classes = max(labels) + 1
    for share in (0.03, 0.05, 0.1):
        rng = np.random.default_rng(1)
        planted = set(rng.choice(len(labels), int(len(labels) * share), replace=False).tolist())
        given = [
            (label + int(rng.integers(1, num_classes))) % num_classes if index in planted else label
            for index, label in enumerate(labels)
        ]
        started = time.process_time()
        rows = suspects(own.features, given, base)
        hits = [row for row in rows if row.index in planted]
        named = sum(row.label == labels[row.index] for row in hits) / max(1, len(hits))
        print(
            f"labels, {share:.0%} wrong: precision {len(hits) / max(1, len(rows)):.3f}  "
            f"recall {len(hits) / len(planted):.3f}  right class {named:.3f}  {time.process_time() - started:.1f} CPU s"
        )


def main() -> None:
    """Measure on a folder SPLIT/CLASS/*.jpg."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    paths = sorted(parser.parse_args().folder.glob("*/*/*.jpg"))
    network = build_model(ModelSpec("efficientnet_lite0", 2))
    load_packaged_weights(network, "efficientnet_lite0")
    replace_head(network, nn.Identity())
    extractor = make_extractor(network, PREPROCESSING, "auto", "auto")
    started = time.process_time()
    own = looked_at([path.read_bytes() for path in paths], extractor)
    print(f"{len(paths)} photographs decoded, signed and seen in {time.process_time() - started:.1f} CPU s")
    names = sorted({path.parent.name for path in paths})
    labels = [names.index(path.parent.name) for path in paths]
    measure_labels(own, labels, measure_copies(own, labels, extractor))


if __name__ == "__main__":
    main()
