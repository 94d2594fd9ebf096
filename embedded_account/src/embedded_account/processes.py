"""The child processes of the embedded account: started in their own session, recorded on disk, always ended."""

import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO, Protocol

import psutil

logger = logging.getLogger("embedded_account")

_GRACE_SECONDS = 5.0


class Process(Protocol):
    """What the table needs of a process that leads its own group; subprocess.Popen has it."""

    pid: int

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended, or raise subprocess.TimeoutExpired."""


class ProcessTable:
    """Starts and ends child processes.

    Each child leads its own process group, so that what it starts ends with it. The file at `path` holds the pid and
    the start time of each, which lets the next start end what a killed account left behind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._running: dict[int, Process] = {}
        self._ended = False

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.DEVNULL,
        stderr: int | IO[bytes] | None = subprocess.STDOUT,
        pass_fds: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start `argv` as the leader of a new session and record it.

        Raises:
            RuntimeError: `end_all` was called; a process started now would outlive the account.
        """
        with self._lock:
            if self._ended:
                raise RuntimeError(f"the account stops; {argv[0]!r} is not started any more")
            process = subprocess.Popen(
                list(argv),
                env=dict(env),
                cwd=cwd,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                pass_fds=tuple(pass_fds),
            )
            self._record(process)
        return process

    def adopt(self, process: Process) -> None:
        """Record a process that another child started; it leads its own session too.

        Raises:
            RuntimeError: `end_all` was called; the process is ended.
        """
        with self._lock:
            if self._ended:
                _signal_group(process.pid, signal.SIGKILL)
                raise RuntimeError(f"the account stops; process {process.pid} is not kept")
            self._record(process)

    def _record(self, process: Process) -> None:
        self._forget_ended()
        self._running[process.pid] = process
        try:
            with self._path.open("a") as file:
                file.write(json.dumps({"Pid": process.pid, "Started": _create_time(process.pid)}) + "\n")
        except OSError as error:  # it is ended with the account all the same, unless that is killed
            logger.warning("process %d is not recorded: %s", process.pid, error)

    def end(self, process: Process, grace_seconds: float = _GRACE_SECONDS) -> int:
        """End `process` and its group by SIGTERM, after `grace_seconds` by SIGKILL; return its exit code."""
        _signal_group(process.pid, signal.SIGTERM)
        try:
            code = process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            _signal_group(process.pid, signal.SIGKILL)
            code = process.wait(_GRACE_SECONDS)
        _signal_group(process.pid, signal.SIGKILL)  # what it started and left behind
        with self._lock:
            self._running.pop(process.pid, None)
        return code

    def end_all(self) -> None:
        """End every child that still runs; all get SIGTERM first, so the grace is shared. No more can be started."""
        with self._lock:
            self._ended = True
            processes = list(self._running.values())
        for process in processes:
            _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in processes:
            self.end(process, max(0.1, deadline - time.monotonic()))
        self._path.unlink(missing_ok=True)

    def _forget_ended(self) -> None:
        for pid in [pid for pid, process in self._running.items() if process.poll() is not None]:
            del self._running[pid]


def end_leftovers(path: Path) -> int:
    """End the process groups that a killed account recorded at `path`; return how many were still there.

    A pid that has since been given to another process is left alone: its start time differs. A group whose leader has
    exited is ended too: while it exists, the system gives its number to no other process.
    """
    num_ended = 0
    for line in path.read_text().splitlines() if path.exists() else []:
        with suppress(ValueError, KeyError):
            record = json.loads(line)
            if record["Started"] is not None and _is_ours(record["Pid"], record["Started"]):
                num_ended += _signal_group(record["Pid"], signal.SIGKILL)
    path.unlink(missing_ok=True)
    return num_ended


def _is_ours(pid: int, started: float) -> bool:
    """Return whether the group `pid` can only be the one whose leader started at `started`."""
    created = _create_time(pid)
    return created == started if created is not None else started > psutil.boot_time()


def _create_time(pid: int) -> float | None:
    with suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return None


def _signal_group(pid: int, signal_number: int) -> bool:
    """Signal a process group; return whether there was one."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal_number)
        return True
    return False
