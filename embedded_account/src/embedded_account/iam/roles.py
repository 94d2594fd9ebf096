"""What services ask of a role when it is handed to them: to be trusted with it, and that it can do what they need.

Source: Lambda developer guide, "Lambda execution role"; Step Functions developer guide, "Logging in CloudWatch Logs"
and "AWS X-Ray"; EventBridge Scheduler user guide, "Setting up"; SageMaker developer guide, "SageMaker AI Roles".
"""

import re
from collections.abc import Callable, Iterable

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.iam.actions.rules import Call, Need
from embedded_account.iam.permissions import Permissions
from embedded_account.identity import Principal

_LOG_DELIVERY = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)
_TRACES = ("PutTraceSegments", "PutTelemetryRecords")
_SAMPLING = ("GetSamplingRules", "GetSamplingTargets")
_IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[\w-]+)\.[\w.]+/(?P<repository>[\w./-]+?)[:@].+")
_PULL = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
_ROLE_ARN = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/.+")
_RULES = {
    "sagemaker:createTrainingJob": "StepFunctionsGetEventsForSageMakerTrainingJobsRule",
    "sagemaker:createHyperParameterTuningJob": "StepFunctionsGetEventsForSageMakerTuningJobsRule",
    "states:startExecution": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
}
_SENDS = {
    "sqs": "SendMessage",
    "sns": "Publish",
    "lambda": "InvokeFunction",
    "events": "PutEvents",
    "s3": "PutObject",
}


def _managed_rules(definition: str) -> set[str]:
    """Return the EventBridge rules by which Step Functions hears of the ends that a definition's tasks wait for.

    Source: Step Functions developer guide, "How Step Functions generates IAM policies for integrated services".
    """
    return {rule for resource, rule in _RULES.items() if f"{resource}.sync" in definition}


class Roles:
    """Checks the role in a request that hands one over, as the service that gets it does."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._permissions = account.singleton(Permissions)
        self._checks: dict[tuple[str, str], Callable[[Call], None]] = {
            ("lambda", "CreateFunction"): self._of_function,
            ("lambda", "UpdateFunctionConfiguration"): self._of_function,
            ("lambda", "PutFunctionEventInvokeConfig"): self._of_destinations,
            ("lambda", "UpdateFunctionEventInvokeConfig"): self._of_destinations,
            ("lambda", "CreateEventSourceMapping"): self._of_event_source,
            ("stepfunctions", "CreateStateMachine"): self._of_state_machine,
            ("stepfunctions", "UpdateStateMachine"): self._of_state_machine,
            ("events", "PutTargets"): self._of_targets,
            ("scheduler", "CreateSchedule"): self._of_schedule,
            ("scheduler", "UpdateSchedule"): self._of_schedule,
            ("sagemaker", "CreateTrainingJob"): self._of_training,
            ("sagemaker", "CreateHyperParameterTuningJob"): self._of_tuning,
            ("sagemaker", "CreateModel"): self._of_model,
        }

    def is_checked(self, service: str, operation: str) -> bool:
        """Return whether the operation hands a role over."""
        return (service, operation) in self._checks

    def check(self, service: str, call: Call) -> None:
        """Return when the service can do with the role in `call` what it is there for.

        Raises:
            ServiceError: it cannot; the error is the service's own.
        """
        self._checks[service, call.operation](call)

    def _of_function(self, call: Call) -> None:
        role_arn = call.get("Role")
        if not role_arn or not _ROLE_ARN.fullmatch(role_arn):  # what is no ARN is refused by the model
            return
        if role_arn.split(":")[4] != self._account.account_id:
            raise ServiceError("AccessDeniedException", "Cross-account pass role is not allowed.")
        self._trust(
            role_arn,
            "lambda",
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        )
        name = str(call.get("FunctionName") or "")
        if call.get("TracingConfig.Mode") == "Active":
            for action in _TRACES:
                self._ask(
                    role_arn,
                    name,
                    [Need(f"xray:{action}", "*")],
                    "InvalidParameterValueException",
                    f"The provided execution role does not have permissions to call {action} on XRAY",
                )
        self._may_send(role_arn, name, call.get("DeadLetterConfig.TargetArn"))

    def _of_destinations(self, call: Call) -> None:
        name, role_arn = self._function(call)
        if role_arn:
            for kind in ("OnSuccess", "OnFailure"):
                self._may_send(role_arn, name, call.get(f"DestinationConfig.{kind}.Destination"))

    def _of_event_source(self, call: Call) -> None:
        name, role_arn = self._function(call)
        source = str(call.get("EventSourceArn") or "")
        if role_arn and source.startswith("arn:aws:sqs:"):
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                self._ask(
                    role_arn,
                    name,
                    [Need(f"sqs:{action}", source)],
                    "InvalidParameterValueException",
                    f"The function execution role does not have permissions to call {action} on SQS",
                )

    def _function(self, call: Call) -> tuple[str, str]:
        """Return name and role of the function that a request names; no role of one that there is not."""
        from moto.awslambda.models import lambda_backends

        name = str(call.get("FunctionName") or "").rpartition("function:")[2].partition(":")[0]
        known = lambda_backends[self._account.account_id][self._account.region]._lambdas._functions.get(name)
        return name, str(known["latest"].role) if known else ""

    def _may_send(self, role_arn: str, name: str, target_arn: str | None) -> None:
        if not target_arn or not target_arn.startswith("arn:"):  # what is no ARN is refused by the model
            return
        service = target_arn.split(":")[2]
        action = _SENDS.get(service, "")
        self._ask(
            role_arn,
            name,
            [Need(f"{service}:{action}", f"{target_arn}/*" if service == "s3" else target_arn)],
            "InvalidParameterValueException",
            f"The provided execution role does not have permissions to call {action} on {service.upper()}",
        )

    def _of_state_machine(self, call: Call) -> None:
        role_arn, name = call.get("roleArn"), str(call.get("name") or "states")
        if not role_arn:
            return
        if not _ROLE_ARN.fullmatch(role_arn):
            raise ServiceError("InvalidArn", f"Invalid Role Arn: '{role_arn}'")
        code = "AccessDeniedException"
        self._trust(
            role_arn,
            "states",
            code,
            "Neither the global service principal states.amazonaws.com, nor the "
            "regional one is authorized to assume the provided role.",
        )
        for rule in sorted(_managed_rules(str(call.get("definition") or ""))):
            arn = f"arn:aws:events:{self._account.region}:{self._account.account_id}:rule/{rule}"
            needs = [Need(f"events:{action}", arn) for action in ("PutTargets", "PutRule", "DescribeRule")]
            self._ask(role_arn, name, needs, code, f"'{role_arn}' is not authorized to create managed-rule.")
        if (call.get("loggingConfiguration.level") or "OFF") != "OFF":
            self._ask(
                role_arn,
                name,
                [Need(f"logs:{action}", "*") for action in _LOG_DELIVERY],
                code,
                "The state machine IAM Role is not authorized to access the Log Destination",
            )
        if call.get("tracingConfiguration.enabled"):
            self._ask(
                role_arn,
                name,
                [Need(f"xray:{action}", "*") for action in _TRACES + _SAMPLING],
                code,
                "The state machine IAM Role is not authorized to access X-Ray",
            )

    def _of_targets(self, call: Call) -> None:
        for target in call.get("Targets") or ():
            role_arn, arn = target.get("RoleArn"), str(target.get("Arn") or "")
            if not role_arn and arn.split(":")[2:3] == ["states"]:
                raise ServiceError("ValidationException", f"RoleArn is required for target {arn}.")
            if role_arn:
                self._trust(
                    role_arn,
                    "events",
                    "ValidationException",
                    f"Provided role '{role_arn}' cannot be assumed by principal 'events.amazonaws.com'.",
                )

    def _of_schedule(self, call: Call) -> None:
        role_arn = call.get("Target.RoleArn")
        if role_arn:
            self._trust(
                role_arn,
                "scheduler",
                "ValidationException",
                "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
            )

    def _of_training(self, call: Call) -> None:
        self._can_pull(call.get("RoleArn"), call.get("AlgorithmSpecification.TrainingImage"))

    def _of_tuning(self, call: Call) -> None:
        definitions = [call.get("TrainingJobDefinition"), *(call.get("TrainingJobDefinitions") or ())]
        for definition in filter(None, definitions):
            image = (definition.get("AlgorithmSpecification") or {}).get("TrainingImage")
            self._can_pull(definition.get("RoleArn"), image)

    def _of_model(self, call: Call) -> None:
        containers = [call.get("PrimaryContainer"), *(call.get("Containers") or ())]
        for container in filter(None, containers):
            self._can_pull(call.get("ExecutionRoleArn"), container.get("Image"))

    def _can_pull(self, role_arn: str | None, image: str | None) -> None:
        match = _IMAGE.fullmatch(image or "")
        if not role_arn or match is None:
            return
        code = "ValidationException"
        self._trust(
            role_arn,
            "sagemaker",
            code,
            f"Could not assume role {role_arn}. Please ensure that the role exists"
            " and allows principal 'sagemaker.amazonaws.com' to assume the role.",
        )
        repository = f"arn:aws:ecr:{match['region']}:{match['account']}:repository/{match['repository']}"
        needs = [Need("ecr:GetAuthorizationToken", "*"), *(Need(f"ecr:{action}", repository) for action in _PULL)]
        self._ask(
            role_arn,
            "SageMaker",
            needs,
            code,
            f"Access denied for repository: {match['repository']} in registry ID: {match['account']}. Please check"
            f" if your ECR repository and image exist and role {role_arn} has proper pull permissions for"
            " SageMaker: ecr:BatchCheckLayerAvailability, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer",
        )

    def _trust(self, role_arn: str, service: str, code: str, message: str) -> None:
        principal = Principal("", "", f"{service}.amazonaws.com", "")
        if not self._permissions.decide_assumption(principal, role_arn).is_allowed:
            raise ServiceError(code, message)

    def _ask(self, role_arn: str, session_name: str, needs: Iterable[Need], code: str, message: str) -> None:
        for need in needs:
            try:
                self._permissions.require_of_role(role_arn, session_name, need.action, need.resource, need.context)
            except PermissionError as refusal:
                raise ServiceError(code, f"{message} ({refusal})") from refusal
