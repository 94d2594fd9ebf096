"""Whether what a stack has made is still there: what a drift-aware change set asks of every resource.

Source: CloudFormation user guide, "Using drift-aware change sets".
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from embedded_account.cloudformation.resources.resource import Call, Properties

_Reading = Callable[[Call, str, Properties], Any]
_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "404")


def is_deleted(call: Call, type_name: str, physical_id: str, properties: Properties) -> bool:
    """Return whether somebody has deleted the resource; of a type that is not looked at, nobody has."""
    reading = _READINGS.get(type_name)
    if reading is None:
        return False
    try:
        return not reading(call, physical_id, properties)
    except ClientError as error:
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if any(word in code for word in _GONE) or (code == "ValidationException" and "does not exist" in message):
            return True
        raise


def _function(name: str) -> dict[str, str]:
    """Return a function's name and qualifier as Lambda's operations take them."""
    parts = name.split(":")
    if len(parts) < 7:  # noqa: PLR2004 (an ARN of a function has seven)
        return {"FunctionName": name}
    return {"FunctionName": parts[6]} | ({"Qualifier": parts[7]} if len(parts) > 7 else {})  # noqa: PLR2004


def _target(properties: Properties) -> dict[str, str]:
    target = _function(properties.get("FunctionName") or properties["TargetFunctionArn"])
    return target | ({"Qualifier": properties["Qualifier"]} if "Qualifier" in properties else {})


def _is_named(listed: list[dict[str, Any]], key: str, name: str) -> bool:
    return any(item[key] == name for item in listed)


def _log_group(call: Call, name: str, _: Properties) -> bool:
    listed = call.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return _is_named(listed, "logGroupName", name)


def _metric_filter(call: Call, name: str, properties: Properties) -> bool:
    listed = call.client("logs").describe_metric_filters(
        logGroupName=properties["LogGroupName"], filterNamePrefix=name
    )["metricFilters"]
    return _is_named(listed, "filterName", name)


def _permission(call: Call, statement_id: str, properties: Properties) -> bool:
    policy = call.client("lambda").get_policy(**_function(properties["FunctionName"]))["Policy"]
    return f'"{statement_id}"' in policy


def _scalable_target(call: Call, _: str, properties: Properties) -> bool:
    answer = call.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace=properties["ServiceNamespace"], ResourceIds=[properties["ResourceId"]]
    )
    return bool(answer["ScalableTargets"])


def _key(call: Call, key_id: str, _: Properties) -> bool:
    state = call.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]
    return bool(state != "PendingDeletion")


def _queue_policy(call: Call, _: str, properties: Properties) -> bool:
    urls = properties["Queues"]
    answers = [call.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]) for url in urls]
    return all(answer.get("Attributes", {}).get("Policy") for answer in answers)


_READINGS: dict[str, _Reading] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _scalable_target,
    "AWS::CloudWatch::Alarm": lambda call, name, _: call.client("cloudwatch").describe_alarms(AlarmNames=[name])[
        "MetricAlarms"
    ],
    "AWS::CloudWatch::Dashboard": lambda call, name, _: call.client("cloudwatch").get_dashboard(DashboardName=name),
    "AWS::DynamoDB::Table": lambda call, name, _: call.client("dynamodb").describe_table(TableName=name),
    "AWS::Events::Rule": lambda call, name, _: call.client("events").describe_rule(Name=name.rpartition("/")[2]),
    "AWS::IAM::Role": lambda call, name, _: call.client("iam").get_role(RoleName=name),
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Alias": lambda call, _, given: call.client("lambda").get_alias(
        **_function(given["FunctionName"]), Name=given["Name"]
    ),
    "AWS::CDK::Metadata": lambda _call, _name, _given: None,
    "AWS::Lambda::EventInvokeConfig": lambda call, _, given: call.client("lambda").get_function_event_invoke_config(
        **_target(given)
    ),
    "AWS::Lambda::EventSourceMapping": lambda call, mapping_id, _: call.client("lambda").get_event_source_mapping(
        UUID=mapping_id
    ),
    "AWS::Lambda::Function": lambda call, name, _: call.client("lambda").get_function(FunctionName=name),
    "AWS::Lambda::LayerVersion": lambda call, arn, _: call.client("lambda").get_layer_version(
        LayerName=arn.split(":")[6], VersionNumber=int(arn.rpartition(":")[2])
    ),
    "AWS::Lambda::Permission": _permission,
    "AWS::Lambda::Url": lambda call, _, given: call.client("lambda").get_function_url_config(**_target(given)),
    "AWS::Lambda::Version": lambda call, arn, _: call.client("lambda").get_function(**_function(arn)),
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::S3::Bucket": lambda call, name, _: call.client("s3").head_bucket(Bucket=name),
    "AWS::S3::BucketPolicy": lambda call, _, given: call.client("s3").get_bucket_policy(Bucket=given["Bucket"]),
    "AWS::SNS::Subscription": lambda call, arn, _: call.client("sns").get_subscription_attributes(SubscriptionArn=arn),
    "AWS::SNS::Topic": lambda call, arn, _: call.client("sns").get_topic_attributes(TopicArn=arn),
    "AWS::SNS::TopicPolicy": lambda call, _, given: [
        call.client("sns").get_topic_attributes(TopicArn=arn) for arn in given["Topics"]
    ],
    "AWS::SQS::Queue": lambda call, url, _: call.client("sqs").get_queue_attributes(QueueUrl=url),
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SSM::Parameter": lambda call, name, _: call.client("ssm").get_parameter(Name=name),
    "AWS::SageMaker::ModelPackageGroup": lambda call, arn, _: call.client("sagemaker").describe_model_package_group(
        ModelPackageGroupName=arn.rpartition("/")[2]
    ),
    "AWS::Scheduler::Schedule": lambda call, name, given: call.client("scheduler").get_schedule(
        Name=name.rpartition("/")[2], GroupName=given.get("GroupName", "default")
    ),
    "AWS::StepFunctions::StateMachine": lambda call, arn, _: call.client("stepfunctions").describe_state_machine(
        stateMachineArn=arn
    ),
}
