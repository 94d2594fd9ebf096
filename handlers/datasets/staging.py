"""Unpack an archive into S3, beside nothing of another dataset or another content: staged/NAME/FINGERPRINT/."""

import math
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from datasets.archives import Limits, Member
from datasets.fingerprint import MARKER
from datasets.labels import is_table
from datasets.layout import SetAside
from datasets.paths import file_problem
from handlers import aws
from handlers.aws.objects import S3Object, head, list_objects, read, write_json
from handlers.contract.errors import ArchiveUnfinishedError, AwsNotFoundError, DatasetError
from handlers.contract.json_bounds import bounded_json
from handlers.datasets.archives import members

_THREADS = 8  # each holds one image of at most limits.MAX_IMAGE_BYTES, so memory stays below 256 MiB
# The bucket's lifecycle deletes staged copies after 30 days; a run takes at most four.
_REUSABLE_SECONDS = 26 * 86_400
_MAX_MARKER_BYTES = 64 * 1024**2
_MAX_MEMORY_BYTES = 1024**3  # while the marker is read, of the function's 2 GB


def unpack(
    bucket: str, archive: S3Object, prefix: str, limits: Limits | None = None, seconds: float = math.inf
) -> list[SetAside]:
    """Put the archive's images and tables of labels under `prefix` and return what was set aside.

    A marker written last makes a second call return at once, while what it counts is there and stays for the run; an
    interrupted one goes on with what is not there yet.

    Raises:
        ArchiveUnfinishedError: `seconds` have passed, and more than nothing was put; the next call goes on.
    """
    done = _read_marker(bucket, prefix)
    if done is not None:
        return done
    folders: list[str] = []
    lot = Lot(archive.key, _there(bucket, prefix), time.monotonic() + seconds)
    set_aside = _put_all(bucket, prefix, members(bucket, archive, limits, folders), lot)
    set_aside += [SetAside(folder, "a folder") for folder in folders]  # an empty one may be a class
    entries = [[entry.path, entry.reason] for entry in set_aside]
    write_json(bucket, prefix + MARKER, {"num_files": _num_files(bucket, prefix), "set_aside": entries})
    return set_aside


@dataclass
class Lot:
    """What one call puts of an archive: what is not there, until the deadline."""

    archive: str
    there: dict[str, int]  # key -> size of what an earlier call has put
    deadline: float
    num_put: int = 0

    def skips(self, key: str, size: int) -> bool:
        """Tell whether a member is there; of several of one name the last counts, as without an earlier call."""
        return self.there.pop(key, None) == size

    def check_time(self) -> None:
        """Leave the rest to the next call where the time is up.

        Raises:
            ArchiveUnfinishedError: it is.
        """
        if self.num_put and time.monotonic() > self.deadline:
            raise ArchiveUnfinishedError(
                f"archive {self.archive!r} is not unpacked yet, {self.num_put} files more than before; the state is "
                "repeated and goes on with the rest, upload the folder itself if the run ends with this"
            )


def _there(bucket: str, prefix: str) -> dict[str, int]:
    """Return what was put so lately that the lifecycle leaves it for the run."""
    return {stored.key: stored.size for stored in list_objects(bucket, prefix) if not _is_old(stored)}


def _is_old(stored: S3Object) -> bool:
    return time.time() - datetime.fromisoformat(stored.modified_at).timestamp() > _REUSABLE_SECONDS


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
        return None if _is_old(marker) or _num_files(bucket, prefix) != content["num_files"] else set_aside
    except AwsNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"marker 's3://{bucket}/{prefix}{MARKER}' is not what was written: {error}; delete it and start again"
        ) from error


def _put_all(bucket: str, prefix: str, archived: Iterable[Member], lot: Lot) -> list[SetAside]:
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
            if lot.skips(prefix + member.path, member.size):
                continue
            lot.check_time()
            free.acquire()
            if failures:
                free.release()
                break
            try:
                data = member.read()
            except BaseException:
                free.release()
                raise
            lot.num_put += 1
            pool.submit(_put, bucket, prefix + member.path, data).add_done_callback(finished)
    if failures:
        raise failures[0]
    return set_aside


def _put(bucket: str, key: str, data: bytes) -> None:
    aws.s3().put_object(Bucket=bucket, Key=key, Body=data)
