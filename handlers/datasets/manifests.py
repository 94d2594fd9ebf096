"""What ValidateDataset writes: the manifests that jobs read, and a report that people read."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from datasets.gate import warnings
from datasets.layout import Image, Layout
from datasets.summary import summary
from handlers.contract.states import ValidateDatasetInput

_MAX_REPORTED = 10_000  # files set aside that the report names; their number is always exact


def manifest(folder_s3_uri: str, images: Sequence[Image], split: str) -> list[Any]:
    """Return SageMaker's ManifestFile form: the prefix, then the paths of `split` below it."""
    return [{"prefix": folder_s3_uri}, *(image.path for image in images if image.split == split)]


def report(
    step: ValidateDatasetInput,
    class_names: Sequence[str],
    images: Sequence[Image],
    made: Sequence[str],
    layout: Layout,
) -> dict[str, Any]:
    """Return what was found, made and set aside, for a person and for `deploy.py status`."""
    counts = Counter((image.class_name, image.split) for image in images)
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
