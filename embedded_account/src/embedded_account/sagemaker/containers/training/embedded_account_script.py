"""The process of a job's script: forked before the toolkit is imported, it waits for the command.

So the script starts with what the fork server has imported, torch above all, and with nothing of the toolkit's. It is
the toolkit's child, in its session, as a process that was started would be.
"""

import asyncio
import atexit
import builtins
import io
import json
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

_READ_BYTES = 1 << 16


class ScriptProcess:
    """What asyncio's Process has and the toolkit asks for."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr

    async def wait(self) -> int:
        """Return the exit code once the script has ended."""
        _, status = await asyncio.get_running_loop().run_in_executor(None, os.waitpid, self.pid, 0)
        return os.waitstatus_to_exitcode(status)


class WaitingScript:
    """A fork that becomes the script when it is told to; with its parent gone, it ends."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            _wait_and_run(theirs)
        theirs.close()
        self._control: socket.socket | None = ours

    def takes(self, command: Sequence[str]) -> bool:
        """Say whether `command` runs a script by this Python, and the fork has not been used."""
        return self._control is not None and list(command[:2]) == [sys.executable, "--"]

    async def run(self, command: Sequence[str], environment: dict[str, str], folder: str) -> ScriptProcess:
        """Let the fork become `command`."""
        control, self._control = self._control, None
        if control is None:
            raise RuntimeError("the waiting process has become a script already")
        outputs = [os.pipe(), os.pipe()]
        request = {"Arguments": command[2:], "Environment": environment, "Folder": folder}
        with control, suppress(BrokenPipeError):  # one that was asked to stop has ended; its exit code tells
            socket.send_fds(control, [b"."], [written for _, written in outputs])
            control.sendall(json.dumps(request).encode())
        for _, written in outputs:
            os.close(written)
        stdout, stderr = [await _reader(read) for read, _ in outputs]
        return ScriptProcess(self._pid, stdout, stderr)


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    pipe = open(descriptor, "rb", buffering=0)  # noqa: SIM115 (asyncio closes it)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


def _wait_and_run(control: socket.socket) -> NoReturn:
    """Wait for the command and run it to its end; never return."""
    code = 1
    try:
        code = _run_next(control)
    except BaseException:  # noqa: BLE001 (a fork must not go on as its parent)
        traceback.print_exc()
    finally:
        _finish()
        os._exit(code)


def _run_next(control: socket.socket) -> int:
    message, outputs, _, _ = socket.recv_fds(control, 1, 2)
    if not message:
        return 0
    request = json.loads(b"".join(iter(lambda: control.recv(_READ_BYTES), b"")))
    control.close()
    for descriptor, target in zip(outputs, (1, 2), strict=True):
        os.dup2(descriptor, target)
        os.close(descriptor)
    imported_from = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ.clear()
    os.environ.update(request["Environment"])
    os.chdir(request["Folder"])
    time.tzset()
    _seed()
    return _run_script(request["Arguments"], [path for path in sys.path if path not in imported_from])


def _seed() -> None:
    """Give numpy's global generator a seed of its own; Python sees to its own generator, torch's has a fixed one."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _run_script(arguments: list[str], path: list[str]) -> int:
    """Do what `python SCRIPT ARGUMENTS` does; return its exit code."""
    script = str(Path(arguments[0]).resolve())
    sys.argv = arguments
    own = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = [str(Path(script).parent), *own, *path]
    try:
        exec(_code(script), _main_module(script).__dict__)  # noqa: S102 (it is the job's script)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            sys.stderr.write(f"{end.code}\n")
            return 1
        return end.code or 0
    except BaseException as error:  # noqa: BLE001 (as the interpreter does)
        own_frames = error.__traceback__.tb_next if error.__traceback__ else None
        sys.excepthook(type(error), error, own_frames)
        return 1
    return 0


def _code(script: str) -> Any:
    with io.open_code(script) as file:
        return compile(file.read(), script, "exec", dont_inherit=True)


def _main_module(script: str) -> ModuleType:
    module = ModuleType("__main__")
    module.__file__ = script
    module.__loader__ = SourceFileLoader("__main__", script)
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    return module


def _finish() -> None:
    """Do what the interpreter does at its end, short of freeing memory."""
    try:
        threading._shutdown()  # type: ignore[attr-defined] # waits for threads that are no daemons
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 (the exit code is the script's)
        traceback.print_exc()
