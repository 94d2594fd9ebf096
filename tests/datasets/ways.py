"""The ways in which a shape of a dataset comes, each as the product reads it there, without an account."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from datasets.archives import Archive, members
from datasets.errors import DatasetError
from datasets.gate import check_layout
from datasets.labels import is_table
from datasets.layout import File, Layout, SetAside, read_layout
from datasets.paths import file_problem
from datasets.splits import make_splits
from datasets.summary import summary
from ops.datasets.on_disk import check_folder
from ops.errors import UploadError
from training.errors import DatasetError as TrainingDatasetError
from training.listing import splits_of_folder

MIN_IMAGES = 3
WAYS = ("upload", "sync", "zip", "training")
_FRACTIONS = {"validation": 0.15, "test": 0.15}


class Read(NamedTuple):
    """What was read: each picture with its split and class, or why nothing was, and what a person hears."""

    pictures: dict[str, tuple[str, str]]
    words: str


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below `folder`."""
    for name, content in files.items():
        if name.endswith("/"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of the files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def read(way: str, files: Mapping[str, bytes], folder: Path) -> Read:
    """Return how the product reads the files when they come that way; `folder` is an empty one."""
    try:
        return {"upload": _upload, "sync": _sync, "zip": _zip, "training": _training}[way](files, folder)
    except (DatasetError, UploadError, TrainingDatasetError) as error:
        return Read({}, str(error))


def _upload(files: Mapping[str, bytes], folder: Path) -> Read:
    """What `deploy.py upload` sends of a folder, as the bucket is then read."""
    sent = check_folder(write(folder, files))
    return _sync({name: path.read_bytes() for name, path in sent.files.items()}, folder)._replace(
        words="\n".join(sent.told)
    )


def _sync(files: Mapping[str, bytes], _: Path) -> Read:
    """Everything in the bucket, as `aws s3 sync` puts it there."""
    return _as_function(files, [])


def _zip(files: Mapping[str, bytes], _: Path) -> Read:
    """What is unpacked of an archive, and what was set aside meanwhile."""
    content = zipped(files)
    staged, aside, folders = {}, [], list[str]()
    for member in members(Archive(io.BytesIO(content), "a.zip", len(content)), folders=folders):
        problem = "" if is_table(member.path, member.size) else file_problem(member.path, member.size)
        if problem:
            aside.append(SetAside(member.path, problem))
        else:
            staged[member.path] = member.read()
    return _as_function(staged, [*aside, *(SetAside(folder, "a folder") for folder in folders)])


def _as_function(files: Mapping[str, bytes], aside: list[SetAside]) -> Read:
    """As ValidateDataset reads what lies in the bucket."""
    listed = [File(path, len(content), path) for path, content in files.items()]
    layout = read_layout(listed, aside, files.__getitem__)
    check_layout(layout, "flowers", MIN_IMAGES)
    images, _ = make_splits(layout.images, _FRACTIONS, 0)
    return Read({image.path: (image.split, image.class_name) for image in images}, _told(layout))


def _told(layout: Layout) -> str:
    return "\n".join((summary(layout), *layout.remarks))


def _training(files: Mapping[str, bytes], folder: Path) -> Read:
    """As train.py reads a folder."""
    listings = splits_of_folder(write(folder, files), _FRACTIONS["validation"], _FRACTIONS["test"], 0)
    pictures = {
        sample.relative_path: (split, sample.class_name)
        for split, listing in listings.items()
        for sample in listing.samples
    }
    return Read(pictures, " ".join(problem.reason for problem in listings["train"].problems))
