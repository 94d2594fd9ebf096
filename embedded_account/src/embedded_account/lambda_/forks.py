"""Execution environments as forks of one process that has imported their runtime and layers."""

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from embedded_account.account import Account
from embedded_account.forks.server import ForkedProcess, ForkServer

KIND = Path(__file__).with_name("environment_process.py")


class EnvironmentForks:
    """The fork servers of an account's functions, one for each set of folders that environments import from."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._servers: dict[tuple[Path, ...], ForkServer] = {}

    def start(
        self,
        folders: tuple[Path, ...],
        handler: str,
        variables: Mapping[str, str],
        folder: Path,
        output: int,
        log: int,
    ) -> ForkedProcess | None:
        """Return a new environment's process, which imports from `folders`; None when it cannot be forked.

        `output` and `log` are the file descriptors that its output and its log records go to.
        """
        request = {
            "Handler": handler,
            "Environment": dict(variables),
            "Folder": str(folder),
            "ImportPath": [str(path) for path in folders],
        }
        return self._server(folders).fork(request, [output, log])

    def _server(self, folders: tuple[Path, ...]) -> ForkServer:
        with self._lock:
            server = self._servers.get(folders)
            if server is None or server.lost:
                server = self._servers[folders] = self._new_server(folders)
            return server

    def _new_server(self, folders: tuple[Path, ...]) -> ForkServer:
        env = {
            **{name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
        }
        folder = self._account.work_folder("lambda")
        return ForkServer(self._account, KIND, options=["-S", "-s", "-P"], env=env, folder=folder)
