"""System metrics of a profiled job's instances: the use of cores and memory, as files of JSON lines in S3.

An instance is this machine, or a part of it; what is measured is the machine. A file holds a minute and lies at
`{S3OutputPath}/{job}/profiler-output/system/incremental/{yyyymmddhh}/{end of the minute}.{host}.json`.

Source: SageMaker developer guide, "Amazon SageMaker Debugger", on monitoring system resources.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

from embedded_account.sagemaker.shared.storage import S3Uri, StorageError, upload_file
from embedded_account.sagemaker.training.debugger import interval_seconds, profiles
from embedded_account.sagemaker.training.job import TrainingJob

logger = logging.getLogger("embedded_account.sagemaker")

_FILE_SECONDS = 60


class Profiler:
    """Samples the machine for one instance of a job while the job asks for it."""

    def __init__(self, job: TrainingJob, host: str, folder: Path) -> None:
        self._job = job
        self._host = host
        self._folder = folder
        self._done = Event()
        self._thread: Thread | None = None
        self._lines: list[str] = []

    def start(self) -> None:
        """Sample from now until `finish`."""
        self._done.clear()
        self._thread = self._job.account.start_thread(f"profiler of {self._job.name}", self._run)

    def finish(self) -> None:
        """Take no more samples, and send the last ones."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        psutil.cpu_percent(percpu=True)  # the first call has nothing to compare with
        clock = self._job.account.clock
        minute = clock.time() // _FILE_SECONDS
        while not self._done.wait(interval_seconds(self._job.request)):
            if profiles(self._job.request):
                self._lines += [json.dumps(sample) for sample in _samples(clock.time(), self._host)]
            if clock.time() // _FILE_SECONDS != minute:
                self._send(minute)
                minute = clock.time() // _FILE_SECONDS
        self._send(minute)

    def _send(self, minute: float) -> None:
        """Put the samples of `minute`; what S3 refuses is logged and lost."""
        lines, self._lines = self._lines, []
        if not lines or self._job.account.stopping.is_set():
            return
        end = int((minute + 1) * _FILE_SECONDS)
        file = self._folder / f"{end}.{self._host}.json"
        file.write_text("".join(f"{line}\n" for line in lines))
        root = S3Uri.parse(self._job.request["ProfilerConfig"]["S3OutputPath"])
        hour = f"{self._job.account.clock.now():%Y%m%d%H}"
        parts = (root.key.rstrip("/"), self._job.name, "profiler-output/system/incremental", hour, file.name)
        destination = S3Uri(root.bucket, "/".join(part for part in parts if part))
        try:
            upload_file(self._job.account, self._job.request["RoleArn"], file, destination)
        except StorageError as error:
            logger.warning("%d system metrics of %r are lost: %s", len(lines), self._job.name, error)
        finally:
            file.unlink()


def _samples(now: float, host: str) -> Iterator[dict[str, Any]]:
    for number, percent in enumerate(psutil.cpu_percent(percpu=True)):
        yield _sample(now, host, "cpu", f"cpu{number}", "CPUUtilization", percent)
    percent = psutil.virtual_memory().percent
    yield _sample(now, host, "memory", "MemoryUsedPercent", "MemoryUsedPercent", percent)


def _sample(now: float, host: str, kind: str, name: str, dimension: str, value: float) -> dict[str, Any]:
    return {"Type": kind, "Name": name, "Dimension": dimension, "Value": value, "NodeId": host, "Timestamp": now}
