"""What the doctor found, for people: a page with thumbnails, and the same rows as CSV and JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.config import TrainingConfig
from training.data.examining import name_of
from training.data.splits import Datasets
from training.doctor.findings import FINDINGS_FILE, Examination
from training.export.report_html import thumbnails
from training.listing import Sample

PAGE_FILE, CSV_FILE = "data.html", "findings.csv"
MAX_SHOWN = 500  # rows of the page; the CSV has all
_PIXELS = 112


def write_data_page(examination: Examination, datasets: Datasets, config: TrainingConfig, folder: Path) -> None:
    """Write findings.json, findings.csv and data.html to `folder`; paths for people begin where the dataset does."""
    from reports.data_page import data_csv, data_page

    samples = _samples(datasets, config)
    whole = examination.to_dict()
    for row in whole["findings"]:
        for name in ("path", "other"):
            row[f"{name}_file"] = _file(row[name], samples.get(row[name]), config)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = thumbnails(_shown(whole["findings"], samples), _PIXELS)
    files = {
        FINDINGS_FILE: json.dumps(whole, indent=1, ensure_ascii=False) + "\n",
        CSV_FILE: data_csv(whole["findings"]),
        PAGE_FILE: data_page(whole, pictures, _name(config), MAX_SHOWN),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", errors="replace", newline="")


def _file(path: str, sample: Sample | None, config: TrainingConfig) -> str:
    """Return a picture's path in the folder that was examined, or below datasets/NAME/ in the bucket."""
    if config.data is not None:
        return sample.path.relative_to(config.data).as_posix() if sample else path
    return f"{_below_dataset(config)}{path}" if path else ""


def _below_dataset(config: TrainingConfig) -> str:
    """Return the folders between datasets/NAME/ and the paths; an archive's have none, and cannot be mended there."""
    kind, _, rest = config.dataset_s3_uri.removeprefix("s3://").partition("/")[2].partition("/")
    return rest.partition("/")[2] if kind == "datasets" else ""


def _name(config: TrainingConfig) -> str:
    if config.data is not None:
        return Path(config.data).name
    return (
        config.dataset_s3_uri.removeprefix("s3://").split("/")[2] if config.dataset_s3_uri.count("/") > 4 else "a run"
    )


def _samples(datasets: Datasets, config: TrainingConfig) -> dict[str, Sample]:
    """Return the pictures by what the findings call them."""
    splits = filter(None, (datasets.train, datasets.validation, datasets.test))
    return {name_of(split.name, sample, config): sample for split in splits for sample in split.samples}


def _shown(rows: Sequence[Mapping[str, Any]], samples: Mapping[str, Sample]) -> list[Sample]:
    """Return the pictures of the first rows, each called as it is in them."""
    names = {row[name] for row in rows[:MAX_SHOWN] for name in ("path", "other")}
    return [replace(samples[name], relative_path=name) for name in sorted(names & samples.keys())]
