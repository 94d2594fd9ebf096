"""What of a stack somebody has deleted by hand: CloudFormation believes in it until it is asked to look.

Each resource is looked for by one small read, many at a time: a drift detection of the whole stack takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.errors import error_code
from ops.session import MAX_CONNECTIONS, Session
from ops.stack import stacks
from ops.stack.stacks import Stack

_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "404")
_KEEPING = {"DELETE_COMPLETE", "DELETE_SKIPPED"}


@dataclass(frozen=True)
class Resource:
    """A resource of the stack; `names` are the physical ids of all of them by their logical ids."""

    logical_id: str
    type_name: str
    physical_id: str
    names: Mapping[str, str]

    def __str__(self) -> str:
        """Return it as a person looks for it."""
        return f"{self.logical_id} ({self.type_name} {self.physical_id})"

    def owner(self, suffix: str) -> str:
        """Return the physical id of what this belongs to, whose logical id is this one's without `suffix`."""
        return self.names[self.logical_id.removesuffix(suffix)]


Reading = Callable[[Session, Resource], Any]


def missing(session: Session, stack: Stack) -> list[Resource]:
    """Return the resources that are gone; of what may not be looked at, nothing is said."""
    listed = [entry for entry in stacks.resources(session, stack) if entry["ResourceStatus"] not in _KEEPING]
    names = {entry["LogicalResourceId"]: entry.get("PhysicalResourceId", "") for entry in listed}
    by_type: dict[str, list[Resource]] = {}
    for entry in listed:
        logical_id, type_name = entry["LogicalResourceId"], entry["ResourceType"]
        if names[logical_id] and type_name in READINGS:
            by_type.setdefault(type_name, []).append(Resource(logical_id, type_name, names[logical_id], names))
    with ThreadPoolExecutor(MAX_CONNECTIONS) as pool:
        gone = pool.map(lambda group: [each for each in group if not _is_there(session, each)], by_type.values())
        return [each for group in gone for each in group]


def _is_there(session: Session, resource: Resource) -> bool:
    try:
        return bool(READINGS[resource.type_name](session, resource))
    except ClientError as error:
        # What is refused for another reason, such as a permission that the person lacks, is no sign of a deletion.
        code = error_code(error)
        is_absent = code == "ValidationException" and "does not exist" in str(error)  # SageMaker has no code for it
        return not is_absent and not any(word in code for word in _GONE)


def _function(arn: str) -> dict[str, str]:
    """Return the name and qualifier of an ARN, or of a plain name."""
    parts = arn.split(":")
    if len(parts) == 1:
        return {"FunctionName": arn}
    return {"FunctionName": parts[6]} | dict(zip(["Qualifier"], parts[7:], strict=False))


def _alias(session: Session, resource: Resource) -> Any:
    named = _function(resource.physical_id)
    return session.functions.get_alias(FunctionName=named["FunctionName"], Name=named["Qualifier"])


_INVOKED_BY_RULES = ("ExecutionFunction", "StandbyFunction")  # the functions that have a permission


def _permission(session: Session, resource: Resource) -> bool:
    """Look for the statement in the policies of the stack's functions: its id does not say whose it is."""
    statement = resource.physical_id.rpartition("|")[2]
    functions = [name for logical_id, name in resource.names.items() if logical_id.endswith(_INVOKED_BY_RULES)]
    return any(f'"{statement}"' in _policy(session, name) for name in functions)


def _policy(session: Session, function: str) -> str:
    try:
        return session.functions.get_policy(FunctionName=function)["Policy"]
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return ""


def _log_group(session: Session, resource: Resource) -> bool:
    listed = session.logs.describe_log_groups(logGroupNamePrefix=resource.physical_id)["logGroups"]
    return any(group["logGroupName"] == resource.physical_id for group in listed)


def _metric_filter(session: Session, resource: Resource) -> bool:
    """A log group goes with its filters."""
    group = resource.owner("RefusedAddresses")
    listed = session.logs.describe_metric_filters(logGroupName=group, filterNamePrefix=resource.physical_id)
    return any(each["filterName"] == resource.physical_id for each in listed["metricFilters"])


def _scalable_target(session: Session, resource: Resource) -> bool:
    resource_id, _, namespace = resource.physical_id.split("|")
    return bool(
        session.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace=namespace, ResourceIds=[resource_id]
        )["ScalableTargets"]
    )


def _key(session: Session, resource: Resource) -> bool:
    state = session.client("kms").describe_key(KeyId=resource.physical_id)["KeyMetadata"]["KeyState"]
    return bool(state != "PendingDeletion")


def _machine(session: Session, resource: Resource) -> bool:
    described = session.stepfunctions.describe_state_machine(stateMachineArn=resource.physical_id)
    return described["status"] != "DELETING"


def _queue_policy(session: Session, resource: Resource) -> bool:
    answer = session.client("sqs").get_queue_attributes(QueueUrl=resource.owner("Policy"), AttributeNames=["Policy"])
    return bool(answer.get("Attributes", {}).get("Policy"))


READINGS: dict[str, Reading] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _scalable_target,
    "AWS::Budgets::Budget": lambda session, each: session.client("budgets").describe_budget(
        AccountId=session.account_id, BudgetName=each.physical_id
    ),
    "AWS::CloudWatch::Alarm": lambda session, each: session.client("cloudwatch").describe_alarms(
        AlarmNames=[each.physical_id]
    )["MetricAlarms"],
    "AWS::CloudWatch::Dashboard": lambda session, each: session.client("cloudwatch").get_dashboard(
        DashboardName=each.physical_id
    ),
    "AWS::DynamoDB::Table": lambda session, each: session.dynamodb.describe_table(TableName=each.physical_id),
    "AWS::Events::Rule": lambda session, each: session.client("events").describe_rule(
        Name=each.physical_id.rpartition("/")[2]
    ),
    "AWS::IAM::Role": lambda session, each: session.client("iam").get_role(RoleName=each.physical_id),
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Alias": _alias,
    "AWS::Lambda::EventInvokeConfig": lambda session, each: session.functions.get_function_event_invoke_config(
        FunctionName=each.owner("EventInvokeConfig")
    ),
    "AWS::Lambda::EventSourceMapping": lambda session, each: session.functions.get_event_source_mapping(
        UUID=each.physical_id
    ),
    "AWS::Lambda::Function": lambda session, each: session.functions.get_function_configuration(
        FunctionName=each.physical_id
    ),
    "AWS::Lambda::LayerVersion": lambda session, each: session.functions.get_layer_version(
        LayerName=each.physical_id.split(":")[6], VersionNumber=int(each.physical_id.rpartition(":")[2])
    ),
    "AWS::Lambda::Permission": _permission,
    "AWS::Lambda::Url": lambda session, each: session.functions.get_function_url_config(**_function(each.physical_id)),
    "AWS::Lambda::Version": lambda session, each: session.functions.get_function_configuration(
        **_function(each.physical_id)
    ),
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::S3::Bucket": lambda session, each: session.s3.head_bucket(Bucket=each.physical_id),
    "AWS::S3::BucketPolicy": lambda session, each: session.s3.get_bucket_policy(Bucket=each.physical_id),
    "AWS::SNS::Subscription": lambda session, each: session.client("sns").get_subscription_attributes(
        SubscriptionArn=each.physical_id
    ),
    "AWS::SNS::Topic": lambda session, each: session.client("sns").get_topic_attributes(TopicArn=each.physical_id),
    # A topic always has a policy; what is left of this one is not told apart from the default here.
    "AWS::SNS::TopicPolicy": lambda session, each: session.client("sns").get_topic_attributes(
        TopicArn=each.owner("Policy")
    ),
    "AWS::SQS::Queue": lambda session, each: session.client("sqs").get_queue_attributes(QueueUrl=each.physical_id),
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SageMaker::ModelPackageGroup": lambda session, each: session.sagemaker.describe_model_package_group(
        ModelPackageGroupName=each.physical_id.rpartition("/")[2]
    ),
    "AWS::Scheduler::Schedule": lambda session, each: session.client("scheduler").get_schedule(
        Name=each.physical_id.rpartition("|")[2]
    ),
    "AWS::StepFunctions::StateMachine": _machine,
}
