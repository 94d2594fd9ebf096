"""training/export/pictures.py: the record of what a job has read names what it left out, too."""

import hashlib
from dataclasses import replace
from pathlib import Path

import torch

from datasets.pictures import Picture, read_record
from inference.preprocessing import Preprocessing
from training.data.splits import Datasets, Split
from training.export.pictures import LEFT_OUT, PICTURES_FILE, pictures_of, write_pictures
from training.listing import Sample


def split(name: str, folder: Path, *names: str) -> Split:
    """A split whose files hold their names."""
    samples = [Sample(folder / each, f"daisy/{each}", "daisy") for each in names]
    digests = [hashlib.sha256(each.encode()).digest() for each in names]
    labels = torch.zeros(len(names), dtype=torch.int64)
    return Split(name, samples, labels, Preprocessing.for_model("resnet18", 32), None, digests=digests)


def test_what_left_its_split_is_known_by_its_bytes(tmp_path: Path) -> None:
    """Which run left it out can be told, and the picture be held to the record."""
    (tmp_path / "1.png").write_text("1.png")
    read = Datasets(
        ["daisy"], split("train", tmp_path, "1.png"), split("validation", tmp_path, "2.png", "3.png"), None, []
    )
    kept = replace(read, validation=split("validation", tmp_path, "3.png"))

    write_pictures(kept, tmp_path, list(pictures_of(read)))

    _, pictures = read_record((tmp_path / PICTURES_FILE).read_text().splitlines())
    sha256 = {each: hashlib.sha256(each.encode()).hexdigest() for each in ("1.png", "2.png", "3.png")}
    assert list(pictures) == [
        Picture("daisy/1.png", "daisy", "train", 5, "", sha256["1.png"]),
        Picture("daisy/2.png", "daisy", LEFT_OUT, 0, "", sha256["2.png"]),
        Picture("daisy/3.png", "daisy", "validation", 0, "", sha256["3.png"]),
    ]
