"""The states of an execution that has ended, each called once more as the state machine called its function."""

import json
from typing import Any

from embedded_account import Faults
from tests.flow.deployment import Deployment, executions_of


def event_of(deployment: Deployment, dataset: str, state: str) -> dict[str, Any]:
    """Return what a state of the first execution of `dataset` was called with, its task token included."""
    return dict(json.loads(_events_of(deployment, dataset)[state])["Payload"])


def _events_of(deployment: Deployment, dataset: str) -> dict[str, str]:
    """Return what each state of the first execution of `dataset` gave its task, as JSON."""
    history = deployment.client("stepfunctions").get_paginator("get_execution_history")
    pages = history.paginate(executionArn=executions_of(deployment, dataset)[-1])
    name, events = "", {}
    for event in (event for page in pages for event in page["events"]):
        name = event.get("stateEnteredEventDetails", {}).get("name", name)
        if "taskScheduledEventDetails" in event:
            events[name] = event["taskScheduledEventDetails"]["parameters"]
    return events


def call(deployment: Deployment, function: str, event: dict[str, Any]) -> tuple[bool, Any]:
    """Return whether the function succeeded, and its answer or its error's text."""
    answer = deployment.client("lambda").invoke(
        FunctionName=f"{deployment.name}-{function}", Payload=json.dumps(event).encode()
    )
    payload = json.load(answer["Payload"])
    return (False, payload["errorMessage"]) if "FunctionError" in answer else (True, payload)


def is_waiting(deployment: Deployment, event: dict[str, Any]) -> bool:
    """Return whether the task token of `event` is still in the table."""
    pages = deployment.client("dynamodb").get_paginator("scan").paginate(TableName=deployment.outputs["TableName"])
    items = [item for page in pages for item in page["Items"]]
    return any(item.get("TaskToken", {}).get("S") == event["TaskToken"] for item in items)


def vanish(faults: Faults, role: str, operation: str, *, after: int) -> None:
    """Let the next lookup but `after` find nothing, as SageMaker says it."""
    faults.add(
        "error", service="sagemaker", operation=operation, caller=f"*{role}*", code="ValidationException", skip=after
    )


def start_jobs(frozen: Deployment, execution_name: str) -> None:
    """Let the states of an execution start its jobs: those of both ways to tune, and the final one."""
    for function, state, mode in (
        ("start-tuning-job", "StartTuningJob", "jobs"),
        ("start-tuning-job", "StartTuningJob", "auto"),
        ("start-training-job", "StartTrainingJob", "auto"),
    ):
        event = event_of(frozen, "colours", state) | {"ExecutionName": execution_name}
        event["Features"]["Key"] = ""  # so it is not known to be work that has finished
        give_settings(frozen, function, TUNING_MODE=mode)
        succeeded, answer = call(frozen, function, event)
        assert succeeded, answer


def give_settings(deployment: Deployment, function: str, **variables: str) -> None:
    """Give a function other settings than its stack's parameters do."""
    client, name = deployment.client("lambda"), f"{deployment.name}-{function}"
    known = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    if known | variables != known:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": known | variables})
        client.get_waiter("function_updated_v2").wait(FunctionName=name)
