"""What the doctor found, for people: a page with thumbnails, and the same rows as CSV and JSON."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from training.config import TrainingConfig
from training.data.splits import Datasets
from training.doctor.findings import FINDINGS_FILE, Examination
from training.export.report_html import thumbnails
from training.listing import Sample

PAGE_FILE, CSV_FILE = "data.html", "findings.csv"
MAX_SHOWN = 500  # rows of the page; the CSV has all
_PIXELS = 112


def write_data_page(examination: Examination, datasets: Datasets, config: TrainingConfig) -> None:
    """Write findings.json, findings.csv and data.html to the model folder; paths begin at the folder examined."""
    from reports.data_page import data_csv, data_page

    samples = _samples(datasets)
    whole = examination.to_dict()
    root = Path(config.data or "")
    for row in whole["findings"]:
        for name in ("path", "other"):
            sample = samples.get(row[name])
            row[f"{name}_file"] = sample.path.relative_to(root).as_posix() if sample else row[name]
    config.model_dir.mkdir(parents=True, exist_ok=True)
    pictures = thumbnails(list(_shown(whole["findings"], samples)), _PIXELS)
    files = {
        FINDINGS_FILE: json.dumps(whole, indent=1, ensure_ascii=False) + "\n",
        CSV_FILE: data_csv(whole["findings"]),
        PAGE_FILE: data_page(whole, pictures, root.name, MAX_SHOWN),
    }
    for name, text in files.items():
        (config.model_dir / name).write_text(text, encoding="utf-8", errors="replace", newline="")


def _samples(datasets: Datasets) -> dict[str, Sample]:
    splits = filter(None, (datasets.train, datasets.validation, datasets.test))
    return {sample.relative_path: sample for split in splits for sample in split.samples}


def _shown(rows: Iterable[Mapping[str, Any]], samples: Mapping[str, Sample]) -> Iterable[Sample]:
    names = {row[name] for row in list(rows)[:MAX_SHOWN] for name in ("path", "other")}
    return (samples[name] for name in sorted(names) if name in samples)
