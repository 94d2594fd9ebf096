"""A process of a function's runtime and layers, of which execution environments are forks.

Run as `python -S -s -P fork_server.py`, with the runtime's and the layers' folders on PYTHONPATH; it never imports
anything else of this package. With a handler as its argument it is one environment itself. Standard input is a socket:
each message asks for one environment and carries the two file descriptors of its output. Answers are lines of JSON:
{"Pid"} for a start, {"Pid", "Status"} for an end.

Importing boto3 and a layer takes a third of a second of a core, a fork takes ten milliseconds. What the first
environment imports from the runtime and the layers, the server imports too; a function's own code never.
"""

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from typing import Any, NoReturn

MAX_MESSAGE_BYTES = 128 * 1024
# These read a function's variables while they are imported.
_NEVER_AHEAD = ("awslambdaric", "runtime_client", "snapshot_restore_py")


def main() -> None:
    """Serve until the socket is closed; given a handler, run it alone."""
    if len(sys.argv) > 1:
        sys.path[:0] = [os.getcwd()]
        sys.argv[0] = "awslambdaric"
        _run(sys.argv[1], (), -1)
        return
    control = socket.socket(fileno=0)
    folders = tuple(os.environ["PYTHONPATH"].split(os.pathsep))
    _import_ahead(["boto3"])
    learned, learned_write = os.pipe()
    wake, wake_write = socket.socketpair()
    wake_write.setblocking(False)
    wake.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        for source in (control, learned, wake):
            selector.register(source, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if wake.fileno() in ready:
                wake.recv(4096)
                _report_ended(control)
            if learned in ready:
                _import_ahead(os.read(learned, 1 << 20).decode().split())
            if control.fileno() in ready and not _serve_one(control, folders, learned_write):
                return


def _serve_one(control: socket.socket, folders: tuple[str, ...], learned: int) -> bool:
    """Start the environment of the next message; return False when there will be none."""
    message, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE_BYTES, 2)
    if not message:
        return False
    request = json.loads(message)
    pid = os.fork()
    if pid == 0:
        _become_environment(request, descriptors, folders, learned)
    for descriptor in descriptors:
        os.close(descriptor)
    control.send(json.dumps({"Pid": pid}).encode())
    return True


def _report_ended(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        control.send(json.dumps({"Pid": pid, "Status": os.waitstatus_to_exitcode(status)}).encode())


def _import_ahead(names: list[str]) -> None:
    """Import modules; one that cannot be imported without a function's variables is left to the function."""
    for name in names:
        if name.split(".")[0] not in _NEVER_AHEAD and name not in sys.modules:
            try:
                importlib.import_module(name)
            except Exception as error:  # noqa: BLE001 (whatever it is, it comes again where it counts)
                sys.stderr.write(f"{name} is not imported ahead: {error!r}\n")
    gc.collect()
    gc.freeze()  # what is shared with every fork is not looked at again


def _become_environment(
    request: dict[str, Any], descriptors: list[int], folders: tuple[str, ...], learned: int
) -> NoReturn:
    """Turn this fork into the process that `python -m awslambdaric HANDLER` would be, and never return."""
    code = 1
    try:
        output, log = descriptors
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, target)
        _close_all_but({0, 1, 2, log, learned})
        os.environ.clear()
        os.environ.update(request["Environment"], _LAMBDA_TELEMETRY_LOG_FD=str(log))
        os.set_inheritable(log, True)
        os.chdir(request["Folder"])
        time.tzset()
        sys.path[:0] = [request["Folder"]]
        sys.argv = ["awslambdaric", request["Handler"]]
        _run(request["Handler"], folders, learned)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 (a fork must not go on as its parent)
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(handler: str, folders: tuple[str, ...], learned: int) -> None:
    """Run AWS's runtime client as its own `main` does; before the first event, tell what was imported.

    The API's address has the environment's secret behind it. The client's native part puts the two before each path as
    they are; its Python part, which reports that an import failed, takes a host and a port alone.
    """
    from awslambdaric import bootstrap, lambda_runtime_client

    address, _, secret = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")

    class Client(lambda_runtime_client.LambdaRuntimeClient):  # type: ignore[misc]
        def wait_next_invocation(self) -> Any:
            nonlocal learned
            if learned >= 0:
                os.write(learned, _imported_from(folders).encode())
                os.close(learned)
                learned = -1
            return super().wait_next_invocation()

        def call_rapid(self, http_method: str, endpoint: str, *arguments: Any, **named: Any) -> None:
            super().call_rapid(http_method, f"/{secret}{endpoint}", *arguments, **named)

    bootstrap.run(handler, Client(address))


def _imported_from(folders: tuple[str, ...]) -> str:
    """Return the names of the modules that came from `folders`, a line each, as long as a pipe takes them at once."""
    names = [
        name
        for name, module in list(sys.modules.items())
        if (getattr(module, "__file__", None) or "").startswith(folders)
    ]
    text = "".join(f"{name}\n" for name in names)
    return text if len(text) < 60_000 else ""


def _close_all_but(kept: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:  # the listing's own descriptor
                continue


if __name__ == "__main__":
    main()
