"""The account's side of a fork server: asks for forks, and hears of their ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock
from typing import Any

from embedded_account.account import Account

_SCRIPT = Path(__file__).with_name("fork_server.py")
_START_SECONDS = 300.0  # the server may be importing: torch takes half a minute on a machine with much to do
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
    """A process of the kind that the file `kind` defines; what each fork becomes is in its request."""

    def __init__(
        self, account: Account, kind: Path, *, options: Sequence[str], env: Mapping[str, str], folder: Path
    ) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._account = account
        self._control = ours
        self._asking = Lock()
        self._answer: ForkedProcess | None = None
        self._answered = Event()
        self._forks: dict[int, ForkedProcess] = {}
        self.lost = False
        with theirs:
            self._process = account.processes.spawn(
                [sys.executable, *options, str(_SCRIPT), str(kind)],
                env=env,
                cwd=folder,
                stdin=theirs.fileno(),
                stdout=None,
                stderr=None,
            )
        account.start_thread(f"forks of {kind.stem}", self._listen)

    def fork(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> ForkedProcess | None:
        """Return a new process, recorded as the account's; None when the server is lost.

        `request` has its Environment, its Folder and what its kind wants. Its output goes to the first descriptor.
        """
        with self._asking:
            self._expect_answer()
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], list(descriptors))
            except OSError:
                self.lost = True  # now: who asks again is to get another server, though the listener has not heard yet
                return None
            if not self._answered.wait(_START_SECONDS):
                self.lost = True
                self._process.kill()  # a fork that comes later would be nobody's
            fork = self._answer
        if self.lost or fork is None:
            return None
        self._account.processes.adopt(fork)
        return fork

    def _expect_answer(self) -> None:
        self._answered.clear()
        self._answer = None

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
        self._control.close()
