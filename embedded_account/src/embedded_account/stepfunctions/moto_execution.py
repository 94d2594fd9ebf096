"""Step Functions: tasks act as the state machine's role, over clients that are kept; executions tell what they do."""

import sys
from typing import Any

from moto.core.config import default_user_config
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramEnded,
    ProgramError,
    ProgramStopped,
    ProgramTimedOut,
)
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend import execution as moto_execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from embedded_account.account import Account
from embedded_account.stepfunctions import (
    moto_definitions,
    moto_errors,
    moto_jsonata,
    moto_parts,
    moto_tasks,
    moto_time,
    refused_tasks,
    sagemaker_tasks,
)
from embedded_account.stepfunctions.past import close
from embedded_account.stepfunctions.reporting import LogSession, on_end, on_start
from embedded_account.wiring.replacement import replace

_STATUSES: dict[type[Any], ExecutionStatus] = {
    ProgramEnded: ExecutionStatus.SUCCEEDED,
    ProgramStopped: ExecutionStatus.ABORTED,
    ProgramError: ExecutionStatus.FAILED,
    ProgramTimedOut: ExecutionStatus.TIMED_OUT,
}


def install(account: Account) -> None:
    """Run state machines for real, inside the account."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    moto_time.install(account.clock)
    _replace_clients(account)
    _replace_start_and_end(account)
    _replace_first_status()
    _keep_stopped()
    _replace_search_for_tokens()
    sagemaker_tasks.install()
    moto_tasks.install()
    moto_errors.install()
    refused_tasks.install()
    moto_definitions.install()
    moto_jsonata.install()
    moto_parts.install()


def _replace_clients(account: Account) -> None:
    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        role_arn = state_credentials.role_arn if state_credentials else ""
        return account.client(service, role_arn, "states", by="states.amazonaws.com")

    # The task modules import the function by name, so each holds its own reference.
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils as tasks

    parameters = ("region", "service", "state_credentials")
    original = replace(boto_client, "boto_client_for", boto_client_for, parameters=parameters)
    assert vars(tasks)["boto_client_for"] is original
    for module in list(sys.modules.values()):
        if getattr(module, "boto_client_for", None) is original:
            setattr(module, "boto_client_for", boto_client_for)  # noqa: B010 (mypy knows no such attribute)


def _replace_start_and_end(account: Account) -> None:
    def start(self: Any) -> None:
        self._cloud_watch_logging_session = LogSession.of(account, self)
        on_start(account, self)
        original_start(self)

    def reflect(self: Any) -> None:
        _reflect(self.execution, account)
        on_end(account, self.execution)
        close(self.execution)

    original_start = replace(moto_execution.Execution, "start", start, parameters=("self",))
    communication = moto_execution.BaseExecutionWorkerCommunication
    replace(communication, "_reflect_execution_status", reflect, parameters=("self",))


def _reflect(execution: Any, account: Account) -> None:
    """Note how an execution ended; its status last, so that whoever sees it ended sees its output or error too."""
    env = execution.exec_worker.env
    state = env.program_state()
    execution.stop_date = account.clock.now()
    if isinstance(state, ProgramEnded):
        execution.output = env.states.get_input()
    elif isinstance(state, ProgramError):
        execution.error, execution.cause = (state.error or {}).get("error"), (state.error or {}).get("cause")
    execution.exec_status = _STATUSES[type(state)]


def _replace_first_status() -> None:
    """An execution is RUNNING from the moment it is listed; moto says so only once its thread is made."""
    made = moto_execution.Execution.__init__

    def initialise(self: Any, *positional: Any, **named: Any) -> None:
        made(self, *positional, **named)
        assert self.exec_status is None, "a new execution has a status of its own; was moto upgraded?"
        self.exec_status = ExecutionStatus.RUNNING

    moto_execution.Execution.__init__ = initialise  # type: ignore[method-assign]


def _replace_search_for_tokens() -> None:
    """A token is looked for where a program runs; an execution that is being started has none yet."""

    def executions(self: Any, execution_status: Any = None) -> list[Any]:
        begun = []
        for execution in find(self, execution_status):
            worker = execution.exec_worker
            if worker is not None and worker.env is not None:
                begun.append(execution)
        return begun

    parameters = ("self", "execution_status")
    find = replace(StepFunctionsParserBackend, "_get_executions", executions, parameters=parameters)


def _keep_stopped() -> None:
    """Let an execution that was stopped stay so: between two states, moto's own loop stumbles over the stop."""

    def set_error(self: Any, error: Any) -> None:
        if not isinstance(self._program_state, ProgramStopped):
            original(self, error)

    original = replace(Environment, "set_error", set_error, parameters=("self", "error"))
