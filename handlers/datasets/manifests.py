"""What ValidateDataset writes: the manifests that jobs read, and a report that people read."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from datasets.gate import warnings
from datasets.layout import Images, Layout
from datasets.summary import summary
from handlers.aws.objects import json_pieces, write_pieces
from handlers.contract.states import ValidateDatasetInput

_MAX_REPORTED = 10_000  # files set aside that the report names; their number is always exact


def write_manifest(bucket: str, place: str, folder_s3_uri: str, images: Images, split: str) -> str:
    """Write SageMaker's ManifestFile form, the prefix and then the paths of `split` below it, and return its URI."""
    values = chain([{"prefix": folder_s3_uri}], images.paths(split))
    return write_pieces(bucket, f"{place}{split}.manifest", json_pieces(values), "application/json")


def write_labels(bucket: str, place: str, images: Images) -> str:
    """Write the class of each image by its path, as one JSON object, and return its URI."""
    return write_pieces(bucket, f"{place}labels.json", _labels(images), "application/json")


def _labels(images: Images) -> Iterator[bytes]:
    pairs = ((images.path(place), images.classes[place]) for place in range(len(images)))
    lines = (f"{json.dumps(path, ensure_ascii=False)}:{json.dumps(name, ensure_ascii=False)}" for path, name in pairs)
    yield b"{"
    yield from (f"{',' * bool(number)}{line}".encode() for number, line in enumerate(lines))
    yield b"}"


def report(
    step: ValidateDatasetInput,
    class_names: Sequence[str],
    images: Images,
    made: Sequence[str],
    layout: Layout,
) -> dict[str, Any]:
    """Return what was found, made and set aside, for a person and for `deploy.py status`."""
    counts = images.counts()
    return {
        "dataset": step.dataset.name,
        "fingerprint": step.dataset.fingerprint,
        "classes": [
            {"class_name": name, **{split: counts[name, split] for split in ("train", "validation", "test")}}
            for name in class_names
        ],
        "made_splits": list(made),
        "read_as": summary(layout),
        "remarks": layout.remarks,
        "warnings": [*layout.remarks, *warnings(images, class_names)],
        "num_set_aside": len(layout.set_aside),
        "set_aside": [{"path": entry.path, "reason": entry.reason} for entry in layout.set_aside[:_MAX_REPORTED]],
    }
