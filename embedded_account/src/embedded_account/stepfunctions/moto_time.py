"""Step Functions: the interpreter waits, times out, retries and dates on the account's clock, and stops at once.

moto's modules reach time by the names `time`, `datetime`, `threading` and `Event`; each gets one that follows the
clock. An execution that is stopped leaves whatever it waits for, which moto lets it sit out.
"""

import datetime
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from embedded_account.clock import Clock
from embedded_account.wiring.replacement import replace

_PARSER = "moto.stepfunctions.parser"
_DATING = (
    "models",
    "backend.execution",
    "asl.eval.event.event_manager",
    "asl.component.state.state",
    "asl.component.state.wait.wait_function.timestamp",
    "asl.component.state.exec.state_map.iteration.itemprocessor.map_run_record",
)


class StoppedError(BaseException):
    """The execution ended while one of its states waited; no Retry and no Catch of the state applies."""


class _Waiting(threading.local):
    """The environment whose end also ends a wait of this thread."""

    env: Any = None

    def is_over(self) -> bool:
        return self.env is not None and not self.env.is_running()

    @contextmanager
    def of(self, env: Any) -> Iterator[None]:
        before, self.env = self.env, env
        try:
            yield
        finally:
            self.env = before


def install(clock: Clock) -> None:
    """Put the interpreter on `clock`."""
    waiting = _Waiting()
    event_class = _event_class(clock, waiting)
    _put("asl.eval.callback.callback", Event=event_class)
    _put("asl.component.state.exec.execute_state", threading=SimpleNamespace(Event=event_class))
    _put("asl.component.program.program", threading=SimpleNamespace(Thread=_thread_class(clock)))
    _put("asl.component.common.retry.retrier_decl", time=SimpleNamespace(sleep=lambda s: event_class().wait(s)))
    for name in _DATING:
        _put(name, datetime=_dates(clock))
    models = import_module("moto.stepfunctions.models")
    replace(models, "utcnow", lambda: clock.now().replace(tzinfo=None), parameters=())
    _replace_waits(clock)
    _replace_ends(waiting)


def _put(module: str, **names: Any) -> None:
    """Replace names that a module of the interpreter imported."""
    parser_module = import_module(f"{_PARSER}.{module}")
    for name, value in names.items():
        assert hasattr(parser_module, name), f"{parser_module.__name__} has no {name}; was moto upgraded?"
        setattr(parser_module, name, value)


def _event_class(clock: Clock, waiting: _Waiting) -> type[threading.Event]:
    class ClockEvent(threading.Event):
        """An event whose time-outs are of the account's clock."""

        def wait(self, timeout: float | None = None) -> bool:
            end = float("inf") if timeout is None else clock.time() + timeout
            while not self.is_set() and not waiting.is_over() and (remaining := end - clock.time()) > 0:
                super().wait(clock.real_seconds(remaining))
            return self.is_set()

    return ClockEvent


def _thread_class(clock: Clock) -> type[threading.Thread]:
    class ClockThread(threading.Thread):
        """A thread that is waited for on the account's clock."""

        def join(self, timeout: float | None = None) -> None:
            if timeout is None:
                return super().join()
            end = clock.time() + timeout
            while self.is_alive() and (remaining := end - clock.time()) > 0:
                super().join(clock.real_seconds(remaining))
            return None

    return ClockThread


def _dates(clock: Clock) -> SimpleNamespace:
    class ClockDatetime(datetime.datetime):
        """What knows the account's present; what it gives are plain dates."""

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            now = clock.now()
            return now.astimezone(tz) if tz else now.replace(tzinfo=None)

    return SimpleNamespace(datetime=ClockDatetime, timezone=datetime.timezone)


def _replace_waits(clock: Clock) -> None:
    wait_function = import_module(f"{_PARSER}.asl.component.state.wait.wait_function.wait_function").WaitFunction

    def wait_interval(self: Any, env: Any, wait_seconds: float) -> None:
        end = clock.time() + wait_seconds
        while env.is_running() and (remaining := end - clock.time()) > 0:
            env.program_state_event.wait(clock.real_seconds(remaining))

    replace(wait_function, "_wait_interval", wait_interval, parameters=("self", "env", "wait_seconds"))


def _replace_ends(waiting: _Waiting) -> None:
    """Let a state that waits for a task, a token or its next try see that the execution has ended."""
    retrier = import_module(f"{_PARSER}.asl.component.common.retry.retrier_decl").RetrierDecl
    execution = f"{_PARSER}.asl.component.state.exec"
    state = import_module(f"{execution}.execute_state").ExecutionState
    parallel = import_module(f"{execution}.state_parallel.state_parallel").StateParallel
    mapping = import_module(f"{execution}.state_map.state_map").StateMap
    callback = import_module(f"{execution}.state_task.service.state_task_service_callback")

    def evaluate(self: Any, env: Any) -> None:
        try:
            with waiting.of(env):
                in_time(self, env)
        except Exception as error:
            if env.is_running():
                raise
            raise StoppedError from error

    in_time = replace(state, "_evaluate_with_timeout", evaluate, parameters=("self", "env"))
    for each in (state, parallel, mapping):
        _let_stop(each)
    _wrap(waiting, retrier, "_eval_body", ("self", "env"))
    token = ("self", "env", "timeout_seconds", "callback_endpoint", "heartbeat_endpoint")
    _wrap(waiting, callback.StateTaskServiceCallback, "_eval_wait_for_task_token", token)


def _let_stop(state: Any) -> None:
    def evaluate(self: Any, env: Any) -> None:
        with suppress(StoppedError):
            original(self, env)

    original = replace(state, "_eval_state", evaluate, parameters=("self", "env"))


def _wrap(waiting: _Waiting, owner: Any, name: str, parameters: tuple[str, ...]) -> None:
    original: Callable[..., Any]

    def wrapped(self: Any, env: Any, *positional: Any, **named: Any) -> Any:
        with waiting.of(env):
            return original(self, env, *positional, **named)

    original = replace(owner, name, wrapped, parameters=parameters)
