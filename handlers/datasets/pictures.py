"""What a run's pictures were when it began, kept beside the run, and which of them are no longer so."""

import hashlib
import io
from collections.abc import Iterable, Iterator

from datasets.layout import File, Image
from datasets.pictures import Picture, ordered_lines, read_record
from handlers.aws.objects import SeekableObject, head, list_objects, split_uri, write_pieces
from handlers.contract.errors import DatasetChangedError
from handlers.contract.states import Dataset
from handlers.datasets.refusals import as_dataset_error

RECORD = "pictures.jsonl"


def write_record(
    bucket: str, prefix: str, folder: str, images: Iterable[Image], files: Iterable[File], top: str = ""
) -> tuple[str, str]:
    """Write the record of `images` below the S3 URI `folder`; return its URI and SHA-256.

    `files` were listed from further up than the folder by `top`; both come by their paths, and neither is copied.
    """
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for line in ordered_lines(folder, _pictures(images, files, top)):
            piece = f"{line}\n".encode()
            digest.update(piece)
            yield piece

    return write_pieces(bucket, f"{prefix}{RECORD}", pieces(), "application/jsonl"), digest.hexdigest()


def _pictures(images: Iterable[Image], files: Iterable[File], top: str) -> Iterator[Picture]:
    """Yield each image as it was listed; both come by their paths."""
    listed = iter(files)
    file = next(listed, None)
    for image in images:
        path = top + image.path
        while file is not None and file.path < path:
            file = next(listed, None)
        if file is not None and file.path == path:
            yield Picture(image.path, image.class_name, image.split, file.size or 0, file.content)


def check_pictures(dataset: Dataset) -> None:
    """Refuse to go on with pictures that were replaced or deleted since the run began; new ones are no matter.

    Raises:
        DatasetChangedError: naming the first of them.
    """
    changed = list(changed_pictures(dataset.pictures_s3_uri))
    if changed:
        more = f" and {len(changed) - 1} more were" if len(changed) > 1 else " was"
        raise DatasetChangedError(
            f"dataset {dataset.name!r} changed during the run: {changed[0]!r}{more} replaced or deleted; nothing was "
            "deployed, upload _SUCCESS to start a run on the new files"
        )


def changed_pictures(record_s3_uri: str) -> Iterator[str]:
    """Yield the path of each recorded picture that S3 has no longer, or with other bytes; neither list is in memory."""
    bucket, key = split_uri(record_s3_uri)
    stream = io.BufferedReader(SeekableObject(bucket, head(bucket, key)))
    with as_dataset_error():
        folder, pictures = read_record(io.TextIOWrapper(stream, encoding="utf-8"))
        _, prefix = split_uri(folder)
        listed = list_objects(bucket, prefix)
        now = next(listed, None)
        for picture in pictures:
            wanted = prefix + picture.path
            while now is not None and now.key.encode() < wanted.encode():
                now = next(listed, None)
            if now is None or (now.key, now.size, now.etag) != (wanted, picture.size, picture.etag):
                yield picture.path
