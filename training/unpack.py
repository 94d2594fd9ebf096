"""Unpack an archive in S3 into a folder there: what UnpackArchive starts where a function would take too long.

In SageMaker's PyTorch container (script mode), with the same source archive as train.py:

    sagemaker_program           training/unpack.py
    archive_s3_uri, archive_etag, folder_s3_uri

The archive is read through ranges and its files are put one by one, so neither lies on the instance's disk. A job that
was interrupted, or an earlier one, leaves files in the folder; they are not put again.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # As in train.py: training/ itself must not come first.
    sys.path[:] = [str(ROOT), *(path for path in sys.path if path != str(ROOT / "training"))]

from datasets import errors, staging  # noqa: E402 - after the path is set
from datasets.archives import Archive  # noqa: E402
from training import train  # noqa: E402
from training.errors import DatasetError  # noqa: E402
from training.objects import ObjectChangedError, ObjectFile, ObjectFolder  # noqa: E402

_THREADS = 32  # each holds one image of at most 32 MiB, so memory stays below 1.1 GiB


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what to unpack, and where to."""
    parser = argparse.ArgumentParser(prog=Path(__file__).name, allow_abbrev=False)
    for name in ("archive_s3_uri", "archive_etag", "folder_s3_uri"):
        parser.add_argument(f"--{name}", required=True)
    return parser.parse_args(arguments)


def run(given: argparse.Namespace) -> None:
    """Put every file of the archive that is not in the folder yet, then the marker.

    Raises:
        DatasetError: the archive cannot be used; the sentence begins with the name of the error that a function raises.
    """
    folder = ObjectFolder(given.folder_s3_uri, _THREADS)
    try:
        archive = ObjectFile(given.archive_s3_uri, given.archive_etag)
        staging.unpack(Archive(archive, archive.key, archive.size), folder, _THREADS)
    except ObjectChangedError as error:
        raise DatasetError(f"DatasetChangedError: {error}") from error
    except errors.DatasetError as error:
        raise DatasetError(f"DatasetError: {error}") from error
    train.say(f"unpacked {staging.num_files(folder):,} files of {archive.key}")


def main(arguments: Sequence[str]) -> int:
    """Unpack and return the exit code."""
    return train.exit_code(lambda _: run(parse(arguments)), os.environ, Path(__file__).name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
