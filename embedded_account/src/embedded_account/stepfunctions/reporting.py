"""What an execution tells the rest of the account: status events, its log, and its entry in the journal."""

import json
import logging
from dataclasses import dataclass
from typing import Any

from embedded_account.account import Account

logger = logging.getLogger("embedded_account.stepfunctions")


def on_start(account: Account, execution: Any) -> None:
    """Report that `execution` is RUNNING."""
    account.journal.begin("execution", execution.name)
    _put_status_event(account, execution, "RUNNING")


def on_end(account: Account, execution: Any) -> None:
    """Report how `execution` ended."""
    account.journal.end("execution", execution.name)
    _put_status_event(account, execution, execution.exec_status.value)
    metric = {"SUCCEEDED": "ExecutionsSucceeded", "TIMED_OUT": "ExecutionsTimedOut", "ABORTED": "ExecutionsAborted"}
    name = metric.get(execution.exec_status.value, "ExecutionsFailed")
    account.put_metric("AWS/States", name, 1, "Count", {"StateMachineArn": execution.state_machine.arn})


def _put_status_event(account: Account, execution: Any, status: str) -> None:
    """Source: Step Functions developer guide, "Step Functions Execution Status Change" events."""
    stopped, is_final = status != "RUNNING", status in ("RUNNING", "SUCCEEDED")
    count = getattr(execution, "redrive_count", 0)
    output = json.dumps(execution.output) if status == "SUCCEEDED" else None
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": status,
        "startDate": int(execution.start_date.timestamp() * 1000),
        "stopDate": int(execution.stop_date.timestamp() * 1000) if stopped and execution.stop_date else None,
        "input": json.dumps(execution.input_data),
        "output": output,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if output else None,
        "error": execution.error,
        "cause": execution.cause,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": count,
        "redriveDate": int(execution.redrive_date.timestamp() * 1000) if count else None,
        "redriveStatus": "NOT_REDRIVABLE" if is_final else "REDRIVABLE",
        "redriveStatusReason": f"Execution is {status} and cannot be redriven" if is_final else None,
    }
    account.put_event("aws.states", "Step Functions Execution Status Change", detail, [execution.exec_arn])


@dataclass(frozen=True)
class _LogConfiguration:
    include_execution_data: bool


class LogSession:
    """Writes the history of one execution to the log group that its state machine names."""

    def __init__(self, account: Account, execution: Any, group: str, level: str, *, include_data: bool) -> None:
        self.execution_arn = execution.exec_arn
        self.configuration = _LogConfiguration(include_data)
        self._account = account
        self._group = group
        self._level = level
        self._stream = f"states/{execution.state_machine.name}/{execution.name}"

    @classmethod
    def of(cls, account: Account, execution: Any) -> "LogSession | None":
        """Return the session that the state machine's logging configuration asks for; None when it logs nothing."""
        configuration = execution.state_machine.loggingConfiguration or {}
        destinations = configuration.get("destinations") or []
        if configuration.get("level", "OFF") == "OFF" or not destinations:
            return None
        arn = destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"]
        group = arn.split(":log-group:")[1].removesuffix(":*")
        include_data = bool(configuration.get("includeExecutionData"))
        return cls(account, execution, group, configuration["level"], include_data=include_data)

    def log_level_filter(self, history_event_type: Any) -> bool:
        """Return whether events of this type are logged at the configured level."""
        from moto.stepfunctions.parser.api import LogLevel
        from moto.stepfunctions.parser.asl.eval.event.logging import is_logging_enabled_for

        return bool(is_logging_enabled_for(LogLevel(self._level), history_event_type))

    def publish_history_log(self, history_log: dict[str, Any]) -> None:
        """Append one event of the execution's history."""
        try:
            self._account.write_log(self._group, self._stream, [json.dumps(history_log, default=str)])
        except Exception:  # a log that cannot be written must not end the execution, as on AWS
            logger.exception("the history of %s was not logged", self.execution_arn)


def running(account: Account) -> list[dict[str, Any]]:
    """Return, in the form of a status event, the executions that an end of the account would lose."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    backend: Any = stepfunctions_parser_backends[account.account_id][account.region]
    return [
        {
            "executionArn": execution.exec_arn,
            "stateMachineArn": machine.arn,
            "name": execution.name,
            "startDate": int(execution.start_date.timestamp() * 1000),
            "input": json.dumps(execution.input_data),
        }
        for machine in list(backend.state_machines)
        for execution in list(machine.executions)
        if execution.exec_status is not None and execution.exec_status.value == "RUNNING"
    ]


def lose(account: Account, lost: list[dict[str, Any]]) -> None:
    """Once requests are answered, say of each execution that went down with the account that it is ABORTED."""

    def tell() -> None:
        for detail in lost:
            stop_date = int(account.clock.time() * 1000)
            aborted = detail | {"status": "ABORTED", "stopDate": stop_date, "output": None}
            kind = "Step Functions Execution Status Change"
            account.put_event("aws.states", kind, aborted, [detail["executionArn"]])

    account.after_restore.append(tell)
