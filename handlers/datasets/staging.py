"""Unpack an archive into S3, beside nothing of another dataset or another content: staged/NAME/FINGERPRINT/."""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from datasets.archives import Limits, Member
from datasets.fingerprint import MARKER
from datasets.labels import is_table
from datasets.layout import SetAside
from datasets.paths import file_problem
from handlers import aws
from handlers.aws.objects import S3Object, head, list_objects, read, write_json
from handlers.contract.errors import AwsNotFoundError, DatasetError
from handlers.contract.json_bounds import bounded_json
from handlers.datasets.archives import members

_THREADS = 8  # each holds one image of at most limits.MAX_IMAGE_BYTES, so memory stays below 256 MiB
# The bucket's lifecycle deletes staged copies after 30 days; a run takes at most four.
_REUSABLE_SECONDS = 26 * 86_400
_MAX_MARKER_BYTES = 64 * 1024**2
_MAX_MEMORY_BYTES = 1024**3  # while the marker is read, of the function's 2 GB


def unpack(bucket: str, archive: S3Object, prefix: str, limits: Limits | None = None) -> list[SetAside]:
    """Put the archive's images and tables of labels under `prefix` and return what was set aside.

    A marker written last makes a second call return at once, while what it counts is there and stays for the run; an
    interrupted one starts again on the same keys.
    """
    done = _read_marker(bucket, prefix)
    if done is not None:
        return done
    folders: list[str] = []
    set_aside = _put_all(bucket, prefix, members(bucket, archive, limits, folders))
    set_aside += [SetAside(folder, "a folder") for folder in folders]  # an empty one may be a class
    entries = [[entry.path, entry.reason] for entry in set_aside]
    write_json(bucket, prefix + MARKER, {"num_files": _num_files(bucket, prefix), "set_aside": entries})
    return set_aside


def _num_files(bucket: str, prefix: str) -> int:
    return sum(1 for stored in list_objects(bucket, prefix) if stored.key != prefix + MARKER)


def _read_marker(bucket: str, prefix: str) -> list[SetAside] | None:
    """Return what was set aside; None where the copy is incomplete, or the lifecycle may delete it under a run."""
    try:
        marker = head(bucket, prefix + MARKER)
        content = bounded_json(read(bucket, prefix + MARKER, _MAX_MARKER_BYTES), _MAX_MEMORY_BYTES)
        if isinstance(content, list):  # of a version that did not count
            return None
        set_aside = [SetAside(str(path), str(reason)) for path, reason in content["set_aside"]]
        is_old = time.time() - datetime.fromisoformat(marker.modified_at).timestamp() > _REUSABLE_SECONDS
        return None if is_old or _num_files(bucket, prefix) != content["num_files"] else set_aside
    except AwsNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"marker 's3://{bucket}/{prefix}{MARKER}' is not what was written: {error}; delete it and start again"
        ) from error


def _put_all(bucket: str, prefix: str, archived: Iterable[Member]) -> list[SetAside]:
    """Put members with a bounded pool: no more than `_THREADS` of them are in memory at once."""
    set_aside: list[SetAside] = []
    free = threading.BoundedSemaphore(_THREADS)
    failures: list[BaseException] = []

    def finished(future: Future[None]) -> None:
        free.release()
        if error := future.exception():
            failures.append(error)

    with ThreadPoolExecutor(_THREADS) as pool:
        for member in archived:
            problem = "" if is_table(member.path, member.size) else file_problem(member.path, member.size)
            if problem:
                set_aside.append(SetAside(member.path, problem))
                continue
            free.acquire()
            if failures:
                free.release()
                break
            try:
                data = member.read()
            except BaseException:
                free.release()
                raise
            pool.submit(_put, bucket, prefix + member.path, data).add_done_callback(finished)
    if failures:
        raise failures[0]
    return set_aside


def _put(bucket: str, key: str, data: bytes) -> None:
    aws.s3().put_object(Bucket=bucket, Key=key, Body=data)
