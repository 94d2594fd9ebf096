"""A job's checkpoint folder, kept equal to its place in S3: restored before a start, sent on while the job trains.

As on AWS nothing is deleted in S3, and a file is sent as it is found: whoever writes checkpoints renames them into
place.
"""

import logging
from contextlib import suppress
from pathlib import Path, PurePosixPath
from threading import Event, Thread
from typing import Any

from embedded_account.sagemaker.shared.storage import Objects, S3Uri, StorageError, upload_file
from embedded_account.sagemaker.training.job import TrainingJob
from embedded_account.sagemaker.training.request import relocated

logger = logging.getLogger("embedded_account.sagemaker")

_SYNC_SECONDS = 0.5


class Checkpoints:
    """The checkpoint folder of one instance; without a CheckpointConfig it does nothing."""

    def __init__(self, job: TrainingJob, machine: Path) -> None:
        config: dict[str, Any] | None = job.request.get("CheckpointConfig")
        self._job = job
        self._folder = relocated(config.get("LocalPath", ""), machine) if config else None
        uri = S3Uri.parse(config["S3Uri"]) if config else S3Uri("", "")
        self._prefix = S3Uri(uri.bucket, f"{uri.key.rstrip('/')}/" if uri.key.rstrip("/") else "")
        self._sent: dict[Path, tuple[int, int]] = {}  # size and time of change, in nanoseconds
        self._done = Event()
        self._thread: Thread | None = None

    def restore(self) -> None:
        """Make the folder, and fill it with what S3 has.

        Raises:
            StorageError: S3 refused.
        """
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        objects = Objects(self._job.account, self._job.request["RoleArn"])
        for key in objects.keys(self._prefix):
            name = PurePosixPath(key[len(self._prefix.key) :])
            if key.endswith("/") or name.is_absolute() or ".." in name.parts:
                continue
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.writelines(objects.blocks(S3Uri(self._prefix.bucket, key)))
            self._sent[path] = _version(path)

    def start(self) -> None:
        """Send what changes, from now until `finish`."""
        if self._folder is not None:
            self._done.clear()
            self._thread = self._job.account.start_thread(f"checkpoints of {self._job.name}", self._run)

    def finish(self, *, sends_rest: bool = True) -> None:
        """Stop watching, and send what the job wrote last unless the machine is gone."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            if sends_rest:
                self._send()

    def _run(self) -> None:
        while not self._done.wait(_SYNC_SECONDS):
            self._send()

    def _send(self) -> None:
        """Send each file that is new or changed; what S3 refuses is logged and tried again."""
        folder = self._folder
        if folder is None or self._job.account.stopping.is_set():
            return
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with suppress(FileNotFoundError):  # renamed or deleted meanwhile
                version = _version(path)
                if self._sent.get(path) == version:
                    continue
                destination = S3Uri(self._prefix.bucket, self._prefix.key + path.relative_to(folder).as_posix())
                try:
                    upload_file(self._job.account, self._job.request["RoleArn"], path, destination)
                except StorageError as error:
                    logger.warning("checkpoint of %r: %s", self._job.name, error)
                    return
                self._sent[path] = version


def _version(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
