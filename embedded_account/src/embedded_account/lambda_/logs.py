"""What an execution environment prints, as events of its CloudWatch log stream."""

import os
import re
import select
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from embedded_account.account import Account
from embedded_account.iam.log_access import LogAccess
from embedded_account.logs import LogLine, append, has_group

_FRAME_HEADER_BYTES = 16
_TAIL_BYTES = 4096
_READ_BYTES = 65_536
_LINE = re.compile(rb"[^\n]*\n")


class FrameReader:
    """Takes apart the frames of awslambdaric's log descriptor: type, length, time in microseconds, message."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[float, str]]:
        """Return what is complete after `data`: seconds since the epoch and the message of each."""
        self._buffer += data
        messages = []
        while len(self._buffer) >= _FRAME_HEADER_BYTES:
            stop = _FRAME_HEADER_BYTES + int.from_bytes(self._buffer[4:8], "big")
            if len(self._buffer) < stop:
                break
            micros = int.from_bytes(self._buffer[8:16], "big")
            messages.append((micros / 1e6, self._buffer[_FRAME_HEADER_BYTES:stop].decode("utf-8", "replace")))
            del self._buffer[:stop]
        return messages


class LineReader:
    """Cuts what a process prints into lines, stamped with the time at which they came."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[float, str]]:
        """Return the lines that are complete after `data`."""
        self._buffer += data
        lines = _LINE.findall(self._buffer)
        self._buffer = self._buffer[sum(map(len, lines)) :]
        now = time.time()
        return [(now, line.decode("utf-8", "replace")) for line in lines]

    def rest(self) -> list[tuple[float, str]]:
        """Return the last line, which the process did not end."""
        rest, self._buffer = self._buffer, b""
        return [(time.time(), rest.decode("utf-8", "replace"))] if rest else []


class EnvironmentLog:
    """The log stream of one execution environment."""

    def __init__(self, account: Account, group: str, version: str, role_arn: str, function_name: str) -> None:
        self._account = account
        self.group = group
        self.stream = f"{account.clock.now():%Y/%m/%d}/[{version}]{uuid.uuid4().hex}"
        # A group deleted under a running environment, as with its stack, must not come back with its last lines.
        self._make_group = not has_group(account, group)
        self._access = LogAccess(account, role_arn, function_name, group, self.stream)
        self._pending: list[tuple[float, str]] = []
        self._tail: list[str] = []

    def pipe(self, reader: FrameReader | LineReader) -> tuple[int, int, Callable[[], bool]]:
        """Return the read and write end of a new pipe, and what reads it once into the log; False after its end."""
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)

        def read() -> bool:
            try:
                data = os.read(read_end, _READ_BYTES)
            except BlockingIOError:
                return True
            self._pending += reader.feed(data) if data else getattr(reader, "rest", list)()
            return bool(data)

        return read_end, write_end, read

    def say(self, message: str) -> None:
        """Add a line of the platform's own."""
        self._pending.append((time.time(), message + "\n"))

    def begin_invocation(self) -> None:
        """Start a new tail."""
        self._tail.clear()

    def flush(self) -> None:
        """Send what has come so far to CloudWatch Logs, in the order of its time."""
        if not self._pending:
            return
        events, self._pending = sorted(self._pending, key=lambda event: event[0]), []
        self._tail += [message for _, message in events]
        ahead = self._account.clock.time() - time.time()
        lines = [LogLine(int((at + ahead) * 1000), text) for at, text in events]
        beginning = ("CreateLogGroup", "CreateLogStream") if self._make_group else ("CreateLogStream",)
        if self._access.allows(*beginning):
            append(self._account, self.group, self.stream, lines, make_group=self._make_group)

    def tail(self) -> bytes:
        """Return the last 4 KB that the current invocation logged."""
        lines = [text if text.endswith("\n") else text + "\n" for text in self._tail]
        return "".join(lines).encode()[-_TAIL_BYTES:]


def read_all(read: Callable[[], bool], file_descriptor: int) -> None:
    """Read what lies in a pipe now, without waiting for more."""
    with suppress(OSError):
        while _readable(file_descriptor) and read():
            pass


def _readable(file_descriptor: int) -> bool:
    return bool(select.select([file_descriptor], [], [], 0)[0])
