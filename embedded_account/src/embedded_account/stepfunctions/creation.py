"""What a request for a state machine is refused for, beside its definition.

Source: Step Functions API reference, CreateStateMachine and LoggingConfiguration.
"""

from functools import partial
from typing import Any

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.logs import has_group
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Check

_CREATE_MEMBERS: dict[str, tuple[str, ...]] = {
    "name": (),
    "definition": (),
    "roleArn": (),
    "type": ("STANDARD",),
    "loggingConfiguration": (),
    "tags": (),
    "tracingConfiguration": (),
    "encryptionConfiguration": (),
    "publish": (),
    "versionDescription": (),
}
_CHANGEABLE = frozenset(
    {"definition", "roleArn", "loggingConfiguration", "encryptionConfiguration", "tracingConfiguration"}
)
_NO_LOGS: dict[str, Any] = {"level": "OFF", "includeExecutionData": False, "destinations": []}
_NO_TRACES = {"enabled": False}


def checks(account: Account) -> dict[str, Check]:
    """Return what looks at the requests, by the names of their operations."""
    return {
        "CreateStateMachine": partial(_check_creation, account),
        "UpdateStateMachine": partial(_check_update, account),
    }


def _check_creation(account: Account, params: dict[str, Any]) -> None:
    refuse("stepfunctions:CreateStateMachine", params, _CREATE_MEMBERS)
    _check_logs(account, params)
    _check_encryption("CreateStateMachine", params)
    present = _machine(account, params["name"])
    if present is None:
        return
    same = (
        present.definition == params["definition"]
        and _NO_LOGS | present.loggingConfiguration == _NO_LOGS | params.get("loggingConfiguration", {})
        and _NO_TRACES | present.tracingConfiguration == _NO_TRACES | params.get("tracingConfiguration", {})
    )
    if not same:
        raise ServiceError("StateMachineAlreadyExists", f"State Machine Already Exists: '{present.arn}'")


def _check_update(account: Account, params: dict[str, Any]) -> None:
    if not _CHANGEABLE & set(params):
        raise ServiceError(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, the EncryptionConfiguration or the"
            " TracingConfiguration must be specified",
        )
    _check_logs(account, params)
    _check_encryption("UpdateStateMachine", params)


def _check_encryption(operation: str, params: dict[str, Any]) -> None:
    member = f"stepfunctions:{operation}.encryptionConfiguration"
    refuse(member, params.get("encryptionConfiguration") or {}, {"type": ("AWS_OWNED_KEY",)})


def _check_logs(account: Account, params: dict[str, Any]) -> None:
    logging = params.get("loggingConfiguration") or {}
    if logging.get("level", "OFF") != "OFF" and not logging.get("destinations"):
        raise ServiceError(
            "InvalidLoggingConfiguration", "Invalid Logging Configuration: Must specify exactly one Log Destination."
        )
    for destination in logging.get("destinations", []):
        arn = destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
        group = arn.partition(":log-group:")[2].removesuffix(":*")
        if not arn.endswith(":*"):
            raise ServiceError(
                "InvalidLoggingConfiguration",
                f"Invalid Logging Configuration: the log group's ARN {arn!r} must end with ':*'",
            )
        if not has_group(account, group):
            raise ServiceError(
                "InvalidLoggingConfiguration", f"Invalid Logging Configuration: the log group {arn!r} does not exist"
            )


def _machine(account: Account, name: str) -> Any:
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    machines = stepfunctions_parser_backends[account.account_id][account.region].state_machines
    return next((machine for machine in list(machines) if machine.name == name), None)
