"""What lies in the bucket: datasets that are complete, and what starts nothing where or as it lies, with what to do.

A look costs a listing for the root, one for each thousand datasets and a HEAD for each folder, however much the
folders hold; a folder that is not complete is listed as far as a thousand of its files. Whether it has settled is for
the caller to tell, by `seen` being the same in later looks.
"""

import itertools
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datasets.archives import ARCHIVE_SUFFIXES, is_archive
from datasets.fingerprint import MARKER, SIGNS
from datasets.limits import IMAGE_SUFFIXES
from datasets.paths import is_image_name, is_litter
from handlers.aws.objects import S3Object, head, level, list_objects
from handlers.contract.errors import AwsNotFoundError
from handlers.datasets.uploads import DATASETS, objection, parse_key

OWN_FOLDERS = frozenset({DATASETS, "staged/", "runs/", "features/", "checkpoints/", "captured/"})
_OTHER_ARCHIVES = (".tar", ".gz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".rar", ".7z")
_PAGES = 5  # of a thousand datasets
_FILES = 1000  # of a folder that are looked at: one listing
_FILES_WITHOUT_PICTURE = 10_000  # that are looked at before a folder is said to have none
_FOLDERS = 10  # at the root that are looked into
_SHOWN = 3  # names in a sentence


@dataclass(frozen=True)
class Complete:
    """A dataset that may start, with the object that completes it."""

    name: str
    s3_uri: str
    key: str
    modified_at: str


@dataclass(frozen=True)
class Misplaced:
    """What starts nothing: where, in what state, and why with what to do about it."""

    place: str
    seen: str
    sentence: str
    is_cut: bool = False  # there is more than was looked at


def survey(
    bucket: str, stack_name: str, *, need_marker: bool, kept: str
) -> tuple[list[Complete], list[Misplaced], list[str]]:
    """Return the datasets that are complete, what else was brought to the bucket, and the names of the folders.

    What lies below `kept` is there for something else.
    """
    objects, folders = level(bucket, DATASETS, _PAGES)
    complete, names = [], []
    misplaced = [*_at_the_root(bucket, kept), *_beside_the_datasets(bucket, objects)]
    for stored in [*objects, *(_marker(bucket, folder) for folder in folders)]:
        dataset = parse_key(bucket, stored.key)
        if dataset is None:
            continue
        name, uri = dataset
        if problem := objection(name):
            misplaced.append(Misplaced(uri.removeprefix(f"s3://{bucket}/"), stored.modified_at, problem))
            continue
        names += [name] if uri.endswith("/") else []
        if stored.modified_at:
            complete.append(Complete(name, uri, stored.key, stored.modified_at))
        else:
            misplaced += _incomplete(bucket, name, stack_name, need_marker=need_marker)
    return complete, misplaced, names


def holds_files(bucket: str, folder: str) -> bool:
    """Tell whether there is any file in a folder."""
    return any(not stored.key.endswith("/") for stored in itertools.islice(list_objects(bucket, folder), _FILES))


def _marker(bucket: str, folder: str) -> S3Object:
    """Return the folder's marker; one that is not there has no time."""
    try:
        return head(bucket, folder + MARKER)
    except AwsNotFoundError:
        return S3Object(folder + MARKER, 0, "")


def _at_the_root(bucket: str, kept: str) -> Iterator[Misplaced]:
    objects, folders = level(bucket, "", 1)
    if stray := [stored for stored in objects if _is_data(stored.key)]:
        first = stray[0].key
        to = DATASETS + first if is_archive(first) else f"{DATASETS}NAME/CLASS/{first}"
        yield Misplaced(
            "", _state(stray),
            f"{_named(stray)} at the root of the bucket; datasets are read below {DATASETS} alone, move it with "
            f"`{_move(bucket, first, to)}`",
        )  # fmt: skip
    own = {*OWN_FOLDERS, f"{kept.partition('/')[0]}/"}
    for folder in [folder for folder in folders if folder not in own][:_FOLDERS]:
        files = list(itertools.islice(list_objects(bucket, folder), _FILES))
        if any(_is_data(stored.key) or stored.key == folder + MARKER for stored in files):
            yield Misplaced(
                folder, _state(files),
                f"{folder!r} holds a dataset's files and lies at the root of the bucket; datasets are read below "
                f"{DATASETS} alone, move it with `{_move(bucket, folder, DATASETS + folder)}`",
                is_cut=len(files) == _FILES,
            )  # fmt: skip


def _beside_the_datasets(bucket: str, objects: Sequence[S3Object]) -> Iterator[Misplaced]:
    stray = [stored for stored in objects if _is_data(stored.key) and not is_archive(stored.key)]
    if pictures := [stored for stored in stray if is_image_name(stored.key)]:
        first = pictures[0].key
        to = f"{DATASETS}NAME/CLASS/{first.removeprefix(DATASETS)}"
        yield Misplaced(
            f"{DATASETS}*", _state(pictures),
            f"{_named(pictures)} directly in {DATASETS}; a picture belongs to a class of a dataset, move it with "
            f"`{_move(bucket, first, to)}`",
        )  # fmt: skip
    if others := [stored for stored in stray if not is_image_name(stored.key)]:
        yield Misplaced(
            f"{DATASETS}*.*", _state(others),
            f"{_named(others)} packed in a way that is not read; pack the same folder as {', '.join(ARCHIVE_SUFFIXES)} "
            f"and put it to s3://{bucket}/{DATASETS}",
        )  # fmt: skip


def _incomplete(bucket: str, name: str, stack_name: str, *, need_marker: bool) -> Iterator[Misplaced]:
    """Yield why a folder without its marker starts nothing; pictures start by themselves where no marker is needed."""
    folder = f"{DATASETS}{name}/"
    files = _first_files(bucket, folder)
    pictures = [stored for stored in files if is_image_name(stored.key)]
    archives = [stored for stored in files if is_archive(stored.key)]
    if pictures and not need_marker:
        return
    if pictures:
        number = f"{'at least ' if len(files) >= _FILES else ''}{len(pictures)}"
        sentence = (
            f"dataset {name!r} has no {MARKER} beside its pictures ({number}), so nothing has started; once it is "
            f"complete run `deploy.py start {shlex.quote(name)} --stack-name {stack_name}`, or put an empty object to "
            f"s3://{bucket}/{folder}{MARKER}"
        )
    elif archives:
        first = archives[0].key
        to = f"{DATASETS}{first.rpartition('/')[2]}"
        sentence = (
            f"{_named(archives)} inside the folder of dataset {name!r}; an archive is read directly below {DATASETS}, "
            f"move it with `{_move(bucket, first, to)}`"
        )
    elif others := [stored for stored in files if _is_file(stored.key)]:
        sentence = (
            f"dataset {name!r} holds no picture, so nothing has started: {_named(others)} no picture by name; put "
            f"pictures to s3://{bucket}/{folder}CLASS/, with {', '.join(IMAGE_SUFFIXES)}, or pack them as "
            f"{', '.join(ARCHIVE_SUFFIXES)} and put that to s3://{bucket}/{DATASETS}"
        )
    else:
        return
    yield Misplaced(folder, _state(files), sentence, is_cut=len(files) >= _FILES)


def _first_files(bucket: str, folder: str) -> list[S3Object]:
    """Return a page of what a folder holds, and more where no picture is in it: documents may be listed first."""
    listed = list_objects(bucket, folder)
    files = list(itertools.islice(listed, _FILES))
    while len(files) % _FILES == 0 and files and not any(is_image_name(stored.key) for stored in files):
        more = list(itertools.islice(listed, _FILES))
        files += more
        if not more or len(files) >= _FILES_WITHOUT_PICTURE:
            break
    return files


def _is_file(key: str) -> bool:
    """Tell whether an object is a file of somebody's, and no folder's own entry, sign or litter."""
    parts = key.split("/")
    return bool(parts[-1]) and parts[-1] not in SIGNS and not any(map(is_litter, parts))


def _move(bucket: str, source: str, target: str) -> str:
    """Return the command that moves an object, or a folder with all that is in it."""
    uris = (shlex.quote(f"s3://{bucket}/{key}") for key in (source, target))
    return " ".join(["aws s3 mv", *(["--recursive"] if source.endswith("/") else []), *uris])


def _is_data(key: str) -> bool:
    name = key.rpartition("/")[2]
    is_packed = is_archive(name) or name.lower().endswith(_OTHER_ARCHIVES)
    return bool(name) and not is_litter(name) and (is_packed or is_image_name(name))


def _state(objects: Sequence[S3Object]) -> str:
    """Return what changes when objects come, go or are replaced."""
    return f"{len(objects)} {max(stored.modified_at for stored in objects)}"


def _named(objects: Sequence[S3Object]) -> str:
    names = ", ".join(repr(stored.key) for stored in objects[:_SHOWN])
    more = len(objects) - _SHOWN
    return f"{names} and {more} more are" if more > 0 else f"{names} {'is' if len(objects) == 1 else 'are'}"
