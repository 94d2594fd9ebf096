"""Tasks of SageMaker: they start jobs and make models and endpoints, and with .sync wait for a job's end.

Source: Step Functions developer guide, "Create and manage Amazon SageMaker AI jobs with Step Functions".
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from botocore import xform_name
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from embedded_account.stepfunctions import refused_tasks
from embedded_account.wiring.replacement import replace

_FAILED = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)
_NOT_FOUND = frozenset({"ResourceNotFound", "ValidationException"})
_ENDED = frozenset({"Completed", "Stopped", "Failed"})


class Job(NamedTuple):
    """A kind of job that a task may wait for: its name's member in requests, and its status's in descriptions."""

    kind: str

    @property
    def name_member(self) -> str:
        """Return the member that names the job."""
        return f"{self.kind}Name"

    @property
    def status_member(self) -> str:
        """Return the member that tells whether it has ended."""
        return f"{self.kind}Status"


JOBS = {f"create{kind}": Job(kind) for kind in ("TrainingJob", "HyperParameterTuningJob", "TransformJob")}
ACTIONS = frozenset({*JOBS, "createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint"})


class SageMakerTask(StateTaskServiceCallback):
    """A task whose resource is arn:aws:states:::sagemaker:ACTION, with or without .sync."""

    def __init__(self) -> None:
        patterns: Any = {ResourceCondition.Sync, ResourceCondition.WaitForTaskToken}  # moto's constants are plain texts
        super().__init__(supported_integration_patterns=patterns)

    def _get_supported_parameters(self) -> set[str] | None:
        is_waited_for = self.resource.condition == ResourceCondition.Sync
        known = JOBS if is_waited_for else ACTIONS
        return set() if self.resource.api_action in known else None

    def _from_error(self, env: Any, ex: Exception) -> FailureEvent:
        if not isinstance(ex, ClientError):
            return super()._from_error(env=env, ex=ex)
        return refused_tasks.failure(self, env, ex, refused_tasks.SAGEMAKER)

    def _eval_service_task(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
    ) -> None:
        client = self._client(resource_runtime_part, state_credentials)
        answer = getattr(client, self._get_boto_service_action())(**normalised_parameters)
        answer.pop("ResponseMetadata", None)
        env.stack.append(answer)

    def _build_sync_resolver(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
    ) -> Callable[[], Any]:
        job = JOBS[self.resource.api_action]
        client = self._client(resource_runtime_part, state_credentials)
        name = {job.name_member: normalised_parameters[job.name_member]}
        env.stack.pop()

        def look() -> dict[str, Any] | None:
            description = _described(client, job, name)
            if description is None or description[job.status_member] not in _ENDED:
                return None
            self._normalise_response(description, service_action_name=f"describe{job.kind}")
            if description[job.status_member] != "Completed":
                raise FailureEventException(self._ended_otherwise(env, to_json_str(description)))
            return description

        look.stop = lambda: getattr(client, f"stop_{xform_name(job.kind)}")(**name)  # type: ignore[attr-defined]
        return look

    def _eval_sync(  # type: ignore[override]  # called by names alone
        self, *, env: Any, sync_resolver: Any, **named: Any
    ) -> Any:
        """Wait for the job; one whose execution was stopped or whose time is over is stopped too."""
        outcome = super()._eval_sync(env=env, sync_resolver=sync_resolver, **named)
        if not env.is_running():
            with suppress(ClientError):  # it has ended by itself meanwhile
                sync_resolver.stop()
        return outcome

    def _client(self, resource_runtime_part: Any, state_credentials: Any) -> Any:
        return boto_client.boto_client_for(
            region=resource_runtime_part.region, service="sagemaker", state_credentials=state_credentials
        )

    def _ended_otherwise(self, env: Any, cause: str) -> FailureEvent:
        details: Any = TaskFailedEventDetails(
            error=_FAILED.error_name,
            cause=cause,
            resource=self._get_sfn_resource(),
            resourceType=self._get_sfn_resource_type(),
        )
        told: Any = {"taskFailedEventDetails": details}  # as moto makes it, without the members of other kinds
        kind = HistoryEventType.TaskFailed
        return FailureEvent(env=env, error_name=_FAILED, event_type=kind, event_details=told)


def _described(client: Any, job: Job, name: dict[str, str]) -> dict[str, Any] | None:
    """Return what the job's Describe operation answers; None while it does not find what was just made."""
    try:
        description: dict[str, Any] = getattr(client, f"describe_{xform_name(job.kind)}")(**name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_FOUND:
            return None
        raise
    description.pop("ResponseMetadata", None)
    return description


def install() -> None:
    """Let definitions have tasks of SageMaker."""

    def task_for(service_name: str) -> Any:
        return SageMakerTask() if service_name == "sagemaker" else original(service_name)

    original = replace(state_task_service_factory, "state_task_service_for", task_for, parameters=("service_name",))
    for module in list(sys.modules.values()):  # which import it by name
        if getattr(module, "state_task_service_for", None) is original:
            setattr(module, "state_task_service_for", task_for)  # noqa: B010 (mypy knows no such attribute)
