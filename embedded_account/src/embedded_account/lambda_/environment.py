"""One execution environment: a child process that runs AWS's runtime client around a function's handler."""

import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from weakref import WeakSet

from embedded_account.account import Account
from embedded_account.forks.server import IS_SUPPORTED
from embedded_account.identity import Credentials
from embedded_account.lambda_.failures import EnvironmentLostError, InitError, error_object, exit_text
from embedded_account.lambda_.forks import KIND, EnvironmentForks
from embedded_account.lambda_.logs import EnvironmentLog, FrameReader, LineReader, read_all
from embedded_account.lambda_.runtime_api import INIT_ERROR, NEXT, RuntimeApi, RuntimeRequest, answers_of
from embedded_account.processes import Process

INIT_SECONDS = 10.0  # Source: Lambda execution environment lifecycle, limit of the Init phase
MAX_RESPONSE_BYTES = 6_291_556
_FLUSH_SECONDS = 0.5  # how often a running invocation's log is sent on
_POLL_SECONDS = 0.1
_ANSWER_OK = "202 Accepted"
_alive: "WeakSet[Environment]" = WeakSet()
_starts = BoundedSemaphore(max(2, os.cpu_count() or 2))  # more starts at once only slow each other down


class _RuntimeExitedError(Exception):
    pass


class _DeadlineError(Exception):
    pass


@dataclass(frozen=True)
class EnvironmentSpec:
    """What an execution environment of one version of a function is made of."""

    function_name: str
    function_arn: str
    version: str
    revision: str
    handler: str
    runtime: str
    role_arn: str
    memory_mb: int
    timeout_seconds: float
    variables: Mapping[str, str]
    code: Path
    layers: tuple[Path, ...]
    log_group: str


@dataclass(frozen=True)
class Invocation:
    """One event for a handler."""

    request_id: str
    payload: bytes
    invoked_arn: str
    trace_id: str
    client_context: str | None = None


@dataclass(frozen=True)
class Result:
    """What came of an invocation: the handler's answer, or an error object with `function_error` set."""

    payload: bytes
    function_error: str | None
    log_tail: bytes
    duration_ms: float


def running() -> list[tuple[str, int]]:
    """Return the function's name and the process of each execution environment."""
    return [(one.spec.function_name, one.pid) for one in list(_alive) if one.healthy]


def code_folders() -> Iterator[Path]:
    """Yield the folders that execution environments import from."""
    for one in list(_alive):
        yield from (one.spec.code, *one.spec.layers)


class Environment:
    """A started execution environment. It serves one invocation at a time; who took it from the fleet owns it."""

    def __init__(self, account: Account, spec: EnvironmentSpec, runtime: Path, initialization: str) -> None:
        self.spec = spec
        self.initialization = initialization
        self.last_used = account.clock.time()
        self.healthy = True
        self._account = account
        self._log = EnvironmentLog(account, spec.log_group, spec.version, spec.role_arn, spec.function_name)
        self._credentials: Credentials = account.role_credentials(
            spec.role_arn, spec.function_name, by="lambda.amazonaws.com"
        )
        self._scratch = account.work_folder("lambda", "tmp", uuid.uuid4().hex)
        self._api = RuntimeApi()
        self._next: RuntimeRequest | None = None
        self._init_ms: float | None = None
        frames, frames_write, self._read_frames = self._log.pipe(FrameReader())
        lines, lines_write, self._read_lines = self._log.pipe(LineReader())
        self._pipes = (frames, lines)
        self._api.watch(frames, self._read_frames)
        self._api.watch(lines, self._read_lines)
        try:
            self._process: Process = self._start_process(runtime, lines_write, frames_write)
        finally:
            os.close(frames_write)
            os.close(lines_write)
        _alive.add(self)

    @classmethod
    def start(cls, account: Account, spec: EnvironmentSpec, runtime: Path, initialization: str) -> "Environment":
        """Return an environment that waits for its first event.

        An import that outlasts the Init phase is begun again and may then take the function's own time-out.

        Raises:
            InitError: it cannot be started.
        """
        if account.stopping.is_set():
            raise InitError(error_object("Runtime.ExitError", "the embedded account is stopping"), b"", 0.0)
        environment = cls(account, spec, runtime, initialization)
        try:
            environment.initialise()
        except InitError as error:
            if not error.timed_out:
                raise
            environment = cls(account, spec, runtime, initialization)
            environment.initialise(max(INIT_SECONDS, spec.timeout_seconds))
        return environment

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def expires_at(self) -> float:
        """When the role's credentials in the process end, in seconds of the account's clock."""
        return self._credentials.expires_at or float("inf")

    def initialise(self, seconds: float = INIT_SECONDS) -> None:
        """Wait until the runtime has imported the handler and asks for work.

        Raises:
            InitError: the import failed, the process ended, or it took more than `seconds`.
        """
        started = time.monotonic()
        self._log.say(f"INIT_START Runtime Version: {self.spec.runtime.replace('python', 'python:')}")
        with _starts:
            try:
                request = self._receive(time.monotonic() + seconds, NEXT, INIT_ERROR)
            except _DeadlineError:
                message = f"Init timed out after {seconds:.2f} seconds"
                raise self._init_error(started, error_object("Sandbox.Timedout", message), "timeout") from None
            except _RuntimeExitedError as error:
                raise self._init_error(started, error_object("Runtime.ExitError", str(error)), "error") from None
        if request.line == INIT_ERROR:
            request.answer(_ANSWER_OK, {"Content-Type": "application/json"}, b'{"status":"OK"}')
            raise self._init_error(started, request.body, "error")
        self._next = request
        self._init_ms = (time.monotonic() - started) * 1000
        self._log.flush()

    def invoke(self, invocation: Invocation) -> Result:
        """Run one event through the handler.

        Raises:
            EnvironmentLostError: the process had ended before it got the event.
        """
        ready = self._await_ready()
        self._log.begin_invocation()
        self._log.say(f"START RequestId: {invocation.request_id} Version: {self.spec.version}")
        started = time.monotonic()
        deadline = started + self.spec.timeout_seconds
        ready.answer("200 OK", self._event_headers(invocation), invocation.payload)
        try:
            answer = self._receive(deadline, *answers_of(invocation.request_id))
            return self._finish(invocation, started, answer)
        except _DeadlineError:
            return self._fail(invocation, started, "Sandbox.Timedout", self._timeout_text(), "timeout")
        except _RuntimeExitedError as error:
            return self._fail(invocation, started, "Runtime.ExitError", str(error), "error")

    def end(self) -> None:
        """End the process, and remove what it left in its temporary folder."""
        self.healthy = False
        self._account.processes.end(self._process, grace_seconds=0.0)
        self._drain()
        self._log.flush()
        self._api.close()
        for pipe in self._pipes:
            os.close(pipe)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _await_ready(self) -> RuntimeRequest:
        """Return the runtime's request for work; it came before, or comes while it finishes the last event."""
        ready, self._next = self._next, None
        try:
            if ready is None:
                ready = self._receive(time.monotonic() + INIT_SECONDS, NEXT)
        except (_RuntimeExitedError, _DeadlineError):
            ready = None
        if ready is None or self._process.poll() is not None:
            self.healthy = False
            raise EnvironmentLostError(self.spec.function_name)
        return ready

    def _receive(self, deadline: float, *lines: str) -> RuntimeRequest:
        """Return the runtime's next request that is one of `lines`; meanwhile its output goes to the log."""
        flush_at = time.monotonic() + _FLUSH_SECONDS
        while True:
            request = self._api.receive(min(deadline - time.monotonic(), 0.005 if self._api.hung_up else _POLL_SECONDS))
            if request is not None and request.line in lines:
                return request
            if request is not None:
                request.refuse()
            now = time.monotonic()
            if (code := self._process.poll()) is not None:
                raise _RuntimeExitedError(exit_text(code))
            if now >= deadline:
                raise _DeadlineError
            if now >= flush_at:
                self._log.flush()
                flush_at = now + _FLUSH_SECONDS

    def _finish(self, invocation: Invocation, started: float, answer: RuntimeRequest) -> Result:
        answer.answer(_ANSWER_OK, {"Content-Type": "application/json"}, b'{"status":"OK"}')
        payload, function_error = answer.body, "Unhandled" if answer.path.endswith("/error") else None
        if len(payload) > MAX_RESPONSE_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            payload, function_error = error_object("Function.ResponseSizeTooLarge", message), "Unhandled"
        return self._report(invocation, started, payload, function_error, "")

    def _fail(self, invocation: Invocation, started: float, kind: str, text: str, status: str) -> Result:
        """Answer for a process that did not: it is ended, since its state is unknown."""
        self.healthy = False
        self._account.processes.end(self._process, grace_seconds=0.0)
        payload = error_object(kind, f"RequestId: {invocation.request_id} Error: {text}")
        if status == "timeout":
            self._log.say(f"{self._account.clock.now():%Y-%m-%dT%H:%M:%S.000Z} {invocation.request_id} {text}\n")
        else:
            self._log.say(_error_message(payload))
        suffix = f"\tStatus: {status}" + (f"\tError Type: {kind}" if status == "error" else "")
        return self._report(invocation, started, payload, "Unhandled", suffix)

    def _report(
        self, invocation: Invocation, started: float, payload: bytes, function_error: str | None, suffix: str
    ) -> Result:
        duration_ms = (time.monotonic() - started) * 1000
        self._drain()
        init = f"\tInit Duration: {self._init_ms:.2f} ms" if self._init_ms and self._on_demand else ""
        self._init_ms = None
        self._log.say(f"END RequestId: {invocation.request_id}")
        self._log.say(
            f"REPORT RequestId: {invocation.request_id}\tDuration: {duration_ms:.2f} ms"
            f"\tBilled Duration: {int(duration_ms) + 1} ms\tMemory Size: {self.spec.memory_mb} MB"
            f"\tMax Memory Used: {_peak_memory_mb(self._process.pid)} MB{init}\t{suffix}"
        )
        self._log.flush()
        self.last_used = self._account.clock.time()
        return Result(payload, function_error, self._log.tail(), duration_ms)

    @property
    def _on_demand(self) -> bool:
        return self.initialization == "on-demand"

    def _init_error(self, started: float, payload: bytes, status: str) -> InitError:
        duration_ms = (time.monotonic() - started) * 1000
        self._drain()
        self._log.say(f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: init\tStatus: {status}")
        self._log.flush()
        tail = self._log.tail()
        self.end()
        return InitError(payload, tail, duration_ms, timed_out=status == "timeout")

    def _timeout_text(self) -> str:
        return f"Task timed out after {self.spec.timeout_seconds:.2f} seconds"

    def _drain(self) -> None:
        read_all(self._read_frames, self._pipes[0])
        read_all(self._read_lines, self._pipes[1])

    def _event_headers(self, invocation: Invocation) -> dict[str, str]:
        deadline_ms = int((time.time() + self.spec.timeout_seconds) * 1000)
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.invoked_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        return headers | (
            {"Lambda-Runtime-Client-Context": invocation.client_context} if invocation.client_context else {}
        )

    def _start_process(self, runtime: Path, output: int, log: int) -> Process:
        """Fork it from a process that has imported its runtime and layers, where that can be done, or start it anew."""
        variables = self._variables(runtime, log)
        if IS_SUPPORTED:
            forks = self._account.singleton(EnvironmentForks)
            folders = (*self._layer_folders(), runtime)
            fork = forks.start(folders, self.spec.handler, variables, self.spec.code, output, log)
            if fork is not None:
                return fork
        return self._account.processes.spawn(
            [sys.executable, "-S", "-s", "-P", str(KIND), self.spec.handler],
            env=variables,
            cwd=self.spec.code,
            stdout=output,
            pass_fds=(log,),
        )

    def _layer_folders(self) -> list[Path]:
        return [path for layer in reversed(self.spec.layers) for path in _python_folders(layer, self.spec.runtime)]

    def _variables(self, runtime: Path, log_descriptor: int) -> dict[str, str]:
        """Return the process's environment: what AWS sets, with the function's own variables over it."""
        spec = self.spec
        return {
            **{name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
            "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": str(self._scratch),
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_EC2_METADATA_DISABLED": "true",
            **spec.variables,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": self.initialization,
            "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._log.stream,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": str(spec.code),
            "LAMBDA_RUNTIME_DIR": str(runtime),
            "_HANDLER": spec.handler,
            "_LAMBDA_TELEMETRY_LOG_FD": str(log_descriptor),
            "PYTHONPATH": os.pathsep.join(map(str, (spec.code, *self._layer_folders(), runtime))),
            **self._account.child_environment(self._credentials),
        }


def _error_message(payload: bytes) -> str:
    """Return the message of an error object, for the log."""
    return str(json.loads(payload)["errorMessage"])


def _python_folders(layer: Path, runtime: str) -> list[Path]:
    """Return the folders of a layer that AWS puts on the import path of a function of `runtime`."""
    candidates = (layer / "python" / "lib" / runtime / "site-packages", layer / "python")
    return [path for path in candidates if path.is_dir()]


def _peak_memory_mb(pid: int) -> int:
    """Return the most memory that the process has held; 1 where the system does not say or the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
        return max(1, int(status.split(b"VmHWM:")[1].split()[0]) // 1024)
    except (OSError, IndexError, ValueError):
        return 1
