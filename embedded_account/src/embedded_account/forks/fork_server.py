"""A process that has imported what others need, and of which they are forks.

Run as `python fork_server.py KIND`, where the file KIND defines `prepare()`, `learn(text)` and `become(request,
descriptors, learned)`; it never imports anything else of this package. Standard input is a socket: each message asks
for one fork and carries the file descriptors that it gets. Answers are lines of JSON: {"Pid"} for a start, {"Pid",
"Status"} for an end. What a fork writes to the descriptor `learned` the server learns for those to come.
"""

import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_MESSAGE_BYTES = 128 * 1024
_MAX_DESCRIPTORS = 4

Become = Callable[[dict[str, Any], list[int], int], None]


@dataclass(frozen=True)
class Kind:
    """What a fork becomes; `idle_seconds` without a fork end the server, 0 never."""

    become: Become
    learn: Callable[[str], None]
    idle_seconds: float


def main() -> None:
    """Serve until the socket is closed."""
    if not sys.flags.safe_path:
        del sys.path[0]  # this file's own folder
    control = socket.socket(fileno=0)
    defined = runpy.run_path(sys.argv[1])
    kind = Kind(defined["become"], defined["learn"], defined["IDLE_SECONDS"])
    defined["prepare"]()
    _share()
    _serve(control, kind)


def _serve(control: socket.socket, kind: Kind) -> None:
    learned, learned_write = os.pipe()
    wake, wake_write = socket.socketpair()
    wake_write.setblocking(False)
    wake.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: set[int] = set()
    with selectors.DefaultSelector() as selector:
        for source in (control, learned, wake):
            selector.register(source, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(kind.idle_seconds or None)}
            if not ready and not running:
                return
            if wake.fileno() in ready:
                wake.recv(4096)
                _report_ended(control, running)
            if learned in ready:
                kind.learn(os.read(learned, 1 << 20).decode())
                _share()
            if control.fileno() in ready and not _serve_one(control, kind.become, learned_write, running):
                return


def _share() -> None:
    """Look no more at what is shared with every fork."""
    gc.collect()
    gc.freeze()


def _serve_one(control: socket.socket, become: Become, learned: int, running: set[int]) -> bool:
    """Start the fork of the next message; return False when there will be none."""
    message, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE_BYTES, _MAX_DESCRIPTORS)
    if not message:
        return False
    request = json.loads(message)
    pid = os.fork()
    if pid == 0:
        _start(become, request, descriptors, learned)
    for descriptor in descriptors:
        os.close(descriptor)
    running.add(pid)
    control.send(json.dumps({"Pid": pid}).encode())
    return True


def _report_ended(control: socket.socket, running: set[int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        running.discard(pid)
        control.send(json.dumps({"Pid": pid, "Status": os.waitstatus_to_exitcode(status)}).encode())


def _start(become: Become, request: dict[str, Any], descriptors: list[int], learned: int) -> NoReturn:
    """Make this fork the leader of a session with an environment of its own, become what was asked for, and end.

    Its standard output and error are the first descriptor.
    """
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, target in ((nothing, 0), (descriptors[0], 1), (descriptors[0], 2)):
            os.dup2(descriptor, target)
        _close_all_but({0, 1, 2, learned, *descriptors[1:]})
        os.environ.clear()
        os.environ.update(request["Environment"])
        os.chdir(request["Folder"])
        time.tzset()
        become(request, descriptors[1:], learned)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 (a fork must not go on as its parent)
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _close_all_but(kept: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:  # the listing's own descriptor
                continue


if __name__ == "__main__":
    main()
