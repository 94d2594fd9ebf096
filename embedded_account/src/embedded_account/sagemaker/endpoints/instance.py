"""One endpoint instance: a container process of its own, spoken to over HTTP."""

import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, cast

import psutil

from embedded_account.account import Account
from embedded_account.iam.log_access import LogAccess
from embedded_account.sagemaker.containers.serving import container
from embedded_account.sagemaker.endpoints.connections import Connections, NotConnectedError, UnansweredError
from embedded_account.sagemaker.shared.container_images import CONTAINER_MODULES
from embedded_account.sagemaker.shared.opt_ml import OPT_ML, OptMl
from embedded_account.sagemaker.shared.weights import torch_home

_CONTAINER = Path(container.__file__)
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_PING_SECONDS = 5.0
_GRAVITON = re.compile(r"ml\.[a-z]+\d+g[a-z]*\.")
_EXIT_SECONDS = 0.2  # between the end of a process's connections and its own


class InstanceFailedError(Exception):
    """The container did not pass its ping health check."""


class InstanceGoneError(Exception):
    """The instance ended before it took the request; another one may take it."""


class InstanceDiedError(Exception):
    """The instance ended while it worked on the request."""


@dataclass(frozen=True)
class Launch:
    """What every instance of a variant is started with."""

    endpoint_name: str
    variant_name: str
    base_folder: Path  # stands for /opt/ml
    environment: Mapping[str, str]
    role_arn: str
    startup_seconds: float  # real ones
    instance_type: str = ""
    own_log_group: str = ""  # where it is not the endpoint's
    max_concurrent: int = 0  # requests to an instance at one time; 0: as many as it has workers and places to wait

    @property
    def runs_image(self) -> bool:
        """Say whether the container's image, which is x86-64, is one for the instance's processor.

        Source: Amazon EC2 user guide, "Instance type naming conventions": a g after the generation is Graviton.
        """
        return not _GRAVITON.match(self.instance_type)

    @property
    def log_group(self) -> str:
        """Return the CloudWatch Logs group of what the instance belongs to."""
        return self.own_log_group or f"/aws/sagemaker/Endpoints/{self.endpoint_name}"

    def max_outstanding(self, num_threads: int) -> int:
        """Return how many requests an instance holds, at work and queued, before it refuses more."""
        if self.max_concurrent:
            return self.max_concurrent
        default = container.WORKERS_PER_CORE * num_threads
        workers = int(self.environment.get("SAGEMAKER_MODEL_SERVER_WORKERS") or default)
        return workers + int(self.environment.get("TS_JOB_QUEUE_SIZE") or container.DEFAULT_QUEUE_SIZE)


class EndpointInstance:
    """A container process and the open connections to it.

    `outstanding` and `draining` belong to the fleet, under its lock. `gone` is set by whoever finds the process dead.
    """

    def __init__(self, account: Account, launch: Launch, num_threads: int) -> None:
        self.id = f"i-0{secrets.token_hex(8)}"
        self.max_outstanding = launch.max_outstanding(num_threads)
        self.outstanding = 0
        self.draining = False
        self.gone = False
        self.failed_pings = 0
        self.pinged_at = 0.0
        self._account = account
        self._launch = launch
        self._opt_ml = account.singleton(OptMl)
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._port = listener.getsockname()[1]
        self._connections = Connections(self._port, self._survives)
        with listener:
            self._process = account.processes.spawn(
                self._opt_ml.command(
                    [sys.executable, str(_CONTAINER), "--listen-fd", str(listener.fileno())], launch.base_folder
                ),
                env=container_environment(account, launch, num_threads),
                cwd=launch.base_folder,
                stdout=subprocess.PIPE,
                pass_fds=[listener.fileno()],
            )
        self._started_at = time.monotonic()
        self._cpu = (self._started_at, 0.0)  # when it was last asked for, and the seconds used until then
        stream = f"{launch.variant_name}/{self.id}"
        self._log_access = LogAccess(account, launch.role_arn, "SageMaker", launch.log_group, stream)
        account.start_thread(f"log of {self.id}", self._copy_log)

    @property
    def pid(self) -> int:
        """Return the process id of the container."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Return whether the container's process runs."""
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Return once /ping is answered with 200, and note the time and the resident memory in the log.

        Raises:
            InstanceFailedError: the process ended or did not answer in time.
        """
        if not self.ping(self._launch.startup_seconds):
            raise InstanceFailedError(f"instance {self.id} of {self._launch.endpoint_name!r}")
        seconds = time.monotonic() - self._started_at
        self.log(f"instance {self.id} is ready after {seconds:.1f} s; resident memory {self.resident_bytes() >> 20} MB")

    def ping(self, timeout_seconds: float = _PING_SECONDS) -> bool:
        """Return whether the container answers /ping with 200 in time."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=timeout_seconds)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
            self.pinged_at = time.monotonic()

    def invoke(
        self, body: bytes, headers: Mapping[str, str], timeout_seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return the status, headers and body that the container answers `body` with.

        Raises:
            InstanceGoneError: it takes no connection any more.
            InstanceDiedError: the connection broke before the answer was complete.
            TimeoutError: no answer within `timeout_seconds`.
        """
        try:
            return self._connections.post("/invocations", body, headers, timeout_seconds)
        except NotConnectedError as error:
            raise InstanceGoneError(self.id) from error
        except UnansweredError as error:
            raise InstanceDiedError(self.id) from error

    def resident_bytes(self) -> int:
        """Return how much memory the container's process holds; 0 when it is gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def cpu_percent(self) -> float:
        """Return the cores that the container's processes have used since the last call, in percent of one core."""
        now, busy = time.monotonic(), _cpu_seconds(self.pid)
        (before, busy_before), self._cpu = self._cpu, (now, busy)
        return max(0.0, 100 * (busy - busy_before) / max(0.001, now - before))

    def log(self, message: str) -> None:
        """Write a line to the instance's log stream."""
        if self._log_access.allows("CreateLogStream"):
            self._account.write_log(self._launch.log_group, f"{self._launch.variant_name}/{self.id}", [message])

    def end(self) -> None:
        """End the process."""
        self._connections.close()
        self._account.processes.end(self._process)

    def _survives(self) -> bool:
        """Return whether the process runs a moment after its connection broke; one that exits closes that first."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_EXIT_SECONDS)
        return self.alive

    def _copy_log(self) -> None:
        with cast("IO[bytes]", self._process.stdout) as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip("\n")
                self.log(text)
                if remark := self._opt_ml.remark(text):
                    self.log(remark)


def _cpu_seconds(pid: int) -> float:
    """Return the seconds of a core that a process and its children have used; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    except psutil.Error:
        return 0.0
    return sum(each.user + each.system for each in times)


def container_environment(account: Account, launch: Launch, num_threads: int) -> dict[str, str]:
    """Return the variables of a container: the role's credentials and the model's own, with its /opt/ml."""
    opt_ml = account.singleton(OptMl).seen(launch.base_folder)
    own = {name: value.replace(f"{OPT_ML}/model", f"{opt_ml}/model") for name, value in launch.environment.items()}
    credentials = account.role_credentials(launch.role_arn, "SageMaker", by="sagemaker.amazonaws.com")
    return {
        **{name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
        **account.child_environment(credentials),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(num_threads),
        "MKL_NUM_THREADS": str(num_threads),
        "SAGEMAKER_REGION": account.region,
        "TORCH_HOME": torch_home(),
        "PYTHONPATH": str(CONTAINER_MODULES),
        **own,
        "SAGEMAKER_BASE_DIR": opt_ml,
    }
