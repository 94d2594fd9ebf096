"""Execution environments as forks of one process that has imported their runtime and layers."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock

from embedded_account.account import Account

logger = logging.getLogger("embedded_account.lambda")

SCRIPT = Path(__file__).with_name("fork_server.py")
_START_SECONDS = 30.0  # the server may be importing what the last environment taught it
# Forking is safe where nothing starts threads behind Python's back; /proc tells a fork what to close.
IS_SUPPORTED = sys.platform == "linux"


class ForkedProcess:
    """A fork, with those of subprocess.Popen's attributes that the process table needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = Event()

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not, after `timeout` seconds.
        """
        if not self._ended.wait(timeout) or self.returncode is None:
            raise subprocess.TimeoutExpired("fork", timeout or 0.0)
        return self.returncode

    def end(self, code: int) -> None:
        """Note that it has ended."""
        self.returncode = code
        self._ended.set()


class ForkServer:
    """The account's side of one fork server: asks for forks, and hears of their ends."""

    def __init__(self, account: Account, folders: tuple[Path, ...]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        self._asking = Lock()
        self._answer: ForkedProcess | None = None
        self._answered = Event()
        self._forks: dict[int, ForkedProcess] = {}
        self.lost = False
        with theirs:
            self._process = account.processes.spawn(
                [sys.executable, "-S", "-s", "-P", str(SCRIPT)],
                env={
                    **{name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
                    "PYTHONPATH": os.pathsep.join(map(str, folders)),
                    "LANG": "C.UTF-8",
                    "TZ": ":UTC",
                },
                cwd=account.work_folder("lambda"),
                stdin=theirs.fileno(),
                stdout=None,
                stderr=None,
            )
        account.start_thread("lambda forks", self._listen)

    def fork(
        self, handler: str, variables: Mapping[str, str], folder: Path, output: int, log: int
    ) -> ForkedProcess | None:
        """Return a new environment's process; None when the server is lost.

        `output` and `log` are the file descriptors that its output and its log records go to.
        """
        message = json.dumps({"Handler": handler, "Environment": dict(variables), "Folder": str(folder)}).encode()
        with self._asking:
            self._answered.clear()
            try:
                socket.send_fds(self._control, [message], [output, log])
            except OSError:
                return None
            if not self._answered.wait(_START_SECONDS) or self.lost:
                return None
            return self._answer

    def _listen(self) -> None:
        while True:
            try:
                message = self._control.recv(4096)
            except OSError:
                message = b""
            if not message:
                break
            answer = json.loads(message)
            if "Status" in answer:
                fork = self._forks.pop(answer["Pid"], None)
                if fork is not None:
                    fork.end(answer["Status"])
            else:
                self._answer = self._forks[answer["Pid"]] = ForkedProcess(answer["Pid"])
                self._answered.set()
        self._lose()

    def _lose(self) -> None:
        """End what can no longer be followed: with its server gone, nobody hears of a fork's end."""
        self.lost = True
        for fork in list(self._forks.values()):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(fork.pid, signal.SIGKILL)
            fork.end(-signal.SIGKILL)
        self._answered.set()


class ForkServers:
    """The fork servers of an account, one for each set of folders that environments import from."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._servers: dict[tuple[Path, ...], ForkServer] = {}

    def get(self, folders: tuple[Path, ...]) -> ForkServer:
        """Return the server of `folders`, in the order of the import path; it is started when there is none."""
        with self._lock:
            server = self._servers.get(folders)
            if server is None or server.lost:
                server = self._servers[folders] = ForkServer(self._account, folders)
            return server
