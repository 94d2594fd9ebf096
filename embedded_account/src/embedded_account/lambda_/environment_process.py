"""An execution environment's process: AWS's runtime client, in a fork of a process of its runtime and layers.

A kind of `forks/fork_server.py`; with a handler as its argument it is one environment itself. It never imports anything
else of this package. The server runs as `python -S -s -P`, with the runtime's and the layers' folders on PYTHONPATH.

Importing boto3 and a layer takes a third of a second of a core, a fork takes ten milliseconds. What the first
environment imports from the runtime and the layers, the server imports too; a function's own code never. Nor does each
environment read AWS's data files again, a tenth of a second of a core: the server reads those that others have read.
"""

import ast
import importlib
import os
import sys
from importlib.machinery import SourceFileLoader
from typing import Any

IDLE_SECONDS = 0.0
# These read a function's variables while they are imported.
_NEVER_AHEAD = ("awslambdaric", "runtime_client", "snapshot_restore_py")
_ahead: dict[str, Any] = {}  # AWS's data files, by their paths without a suffix, as botocore's loader names them
_read: list[str] = []


def prepare() -> None:
    """Import what every function's role needs."""
    learn("boto3")
    _share_data_files()


def _share_data_files() -> None:
    """Let botocore's loader take what was read ahead, once a process: who has it may change it."""
    from botocore.loaders import JSONFileLoader

    def load_file(self: Any, file_path: str) -> Any:
        _read.append(file_path)
        return _ahead.pop(file_path) if file_path in _ahead else load(self, file_path)

    load = JSONFileLoader.load_file
    JSONFileLoader.load_file = load_file  # type: ignore[method-assign]


def _read_ahead(path: str) -> None:
    from botocore.loaders import JSONFileLoader

    content = JSONFileLoader().load_file(path)
    _read.clear()  # forks tell of what they read themselves
    if content is not None:
        _ahead[path] = content


def learn(text: str) -> None:
    """Import modules, a name a line; one that cannot be imported without a function's variables is left to it.

    A line that is a path is one of AWS's data files, which is read.
    """
    for name in text.splitlines():
        if os.path.isabs(name):
            if name not in _ahead:
                _read_ahead(name)
        elif name.split(".")[0] not in _NEVER_AHEAD and name not in sys.modules:
            try:
                importlib.import_module(name)
            except Exception as error:  # noqa: BLE001 (whatever it is, it comes again where it counts)
                sys.stderr.write(f"{name} is not imported ahead: {error!r}\n")


def become(request: dict[str, Any], descriptors: list[int], learned: int) -> None:
    """Be the process that `python -m awslambdaric HANDLER` would be."""
    (log,) = descriptors
    folders = tuple(request["ImportPath"])
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(log)
    os.set_inheritable(log, True)
    sys.path[:0] = [request["Folder"]]
    sys.argv = ["awslambdaric", request["Handler"]]
    _run(request["Handler"], folders, learned)


def _run(handler: str, folders: tuple[str, ...], learned: int) -> None:
    """Run AWS's runtime client as its own `main` does; before the first event, tell what was imported.

    The API's address has the environment's secret behind it. The client's native part puts the two before each path as
    they are; its Python part, which reports that an import failed, takes a host and a port alone.
    """
    from awslambdaric import bootstrap, lambda_runtime_client

    _hold_to_grammar(os.environ.get("LAMBDA_TASK_ROOT", ""), os.environ.get("AWS_EXECUTION_ENV", ""))
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


def _hold_to_grammar(task_root: str, environment: str) -> None:
    """Let the function's own modules use no syntax that is newer than their runtime; Python tells most of it."""
    version = environment.rpartition("python3.")[2]
    if not task_root or not version.isdecimal() or int(version) >= sys.version_info.minor:
        return
    compiled = SourceFileLoader.source_to_code

    def source_to_code(self: Any, data: Any, path: Any, **options: Any) -> Any:
        if str(path).startswith(task_root):
            ast.parse(data, str(path), feature_version=(3, int(version)))
        return compiled(self, data, path, **options)

    SourceFileLoader.source_to_code = source_to_code  # type: ignore[method-assign]
    sys.dont_write_bytecode = True  # what was compiled for one runtime would be taken for another


def _imported_from(folders: tuple[str, ...]) -> str:
    """Return the modules and data files that came from `folders`, a line each, as long as a pipe takes them at once."""
    names = [
        name
        for name, module in list(sys.modules.items())
        if (getattr(module, "__file__", None) or "").startswith(folders)
    ]
    names += [path for path in dict.fromkeys(_read) if path.startswith(folders)]
    text = "".join(f"{name}\n" for name in names)
    return text if len(text) < 60_000 else ""


if __name__ == "__main__":
    sys.path[:0] = [os.getcwd()]
    sys.argv[0] = "awslambdaric"
    _run(sys.argv[1], (), -1)
