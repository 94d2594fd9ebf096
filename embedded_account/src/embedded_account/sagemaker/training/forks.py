"""A job's instances as forks of a process that has imported torch, where nothing speaks against it."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.forks.server import IS_SUPPORTED, ForkedProcess, ForkServer
from embedded_account.sagemaker.shared.container_images import CONTAINER_MODULES

LAUNCHER_FOLDER = CONTAINER_MODULES
_KIND = LAUNCHER_FOLDER / "embedded_account_instance.py"
# Read while Python starts or torch is imported; forks have them from their server.
_READ_EARLY = ("PYTHON", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "TORCH", "PYTORCH_", "CUDA_", "LD_", "MALLOC_")
_SHARED = ("PATH", "LANG")


class InstanceForks:
    """The fork servers of an account's training jobs, one for each number of cores that instances have."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._servers: dict[frozenset[tuple[str, str]], ForkServer] = {}

    def start(self, request: Mapping[str, Any], given: Mapping[str, str], output: int) -> ForkedProcess | None:
        """Return an instance's process, whose output goes to `output`; None when it must be started anew.

        It must where the job's own variables, `given`, are read before a script runs.
        """
        if not IS_SUPPORTED or any(name.startswith(_READ_EARLY) for name in given):
            return None
        environment = request["Environment"]
        return self._server(environment).fork(request, [output]) or self._server(environment).fork(request, [output])

    def _server(self, environment: Mapping[str, str]) -> ForkServer:
        early = {name: text for name, text in environment.items() if name.startswith((*_READ_EARLY, *_SHARED))}
        key = frozenset(early.items())
        with self._lock:
            server = self._servers.get(key)
            if server is None or server.lost:
                folder = self._account.work_folder("training-forks")
                server = ForkServer(self._account, _KIND, options=[], env=early, folder=folder)
                self._servers[key] = server
            return server
