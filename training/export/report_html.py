"""report.html beside evaluation.json: the page a person opens first after a training job."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from inference.decoding import ImageError, decode_pixels
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.listing import Sample

REPORT_FILE = "report.html"
THUMBNAIL_PIXELS = 160
JPEG_QUALITY = 80


def try_report(evaluation: Mapping[str, Any], samples: Sequence[Sample], config: TrainingConfig) -> str:
    """Write the page and return a line that says where it is, or why there is none: it must not cost the job."""
    try:
        path = write_report(evaluation, samples, config.output_data_dir)
    except Exception as error:  # noqa: BLE001 - the model is trained, saved and evaluated by now
        return f"{REPORT_FILE} was not written: {type(error).__name__}: {error}; evaluation.json holds every number"
    return f"report: {path}"


def write_report(evaluation: Mapping[str, Any], samples: Sequence[Sample], folder: Path) -> Path:
    """Write the page about `evaluation` to `folder` and return its path; `samples` hold the mistakes' pictures."""
    from reports.training_report import training_report

    lost = (evaluation.get("champion") or {}).get("lost", [])
    wanted = {row["path"] for row in [*evaluation.get("mistakes", []), *lost]}
    pictures = thumbnails([sample for sample in samples if sample.relative_path in wanted])
    page = training_report(evaluation, pictures)
    path = folder / REPORT_FILE
    path.write_text(page, encoding="utf-8", errors="replace")  # a file name need not be text
    return path


def thumbnails(samples: Sequence[Sample], pixels: int = THUMBNAIL_PIXELS) -> dict[str, bytes]:
    """Return the centre squares of `samples` as small JPEGs, by path; one that is gone meanwhile is left out."""
    square = Preprocessing(image_size=pixels, resize_size=pixels)
    pictures = {}
    for sample in samples:
        try:
            picture = decode_pixels(sample.path.read_bytes(), square)
        except (ImageError, OSError):
            continue
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=JPEG_QUALITY)
        pictures[sample.relative_path] = buffer.getvalue()
    return pictures
