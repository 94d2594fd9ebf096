"""The calls whose answers are compared with AWS's: of each service, in an order in which they can be made.

A generator yields calls and is sent their answers. `Call` is one that succeeds, with `fails` one that is refused.
"""

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from embedded_account.pytest_plugin import RunningAccount
from support.functions import archive
from support.jobs import IMAGE, source_archive

ROLE = "arn:aws:iam::123456789012:role/tester"
_SERVING = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.8.0-cpu-py312-ubuntu22.04-sagemaker"
_PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 600, "End": True}}})
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


@dataclass(frozen=True)
class Call:
    """One call of boto3, by the name of its method."""

    method: str
    arguments: dict[str, Any] = field(default_factory=dict)
    fails: bool = False


Calls = Generator[Call, dict[str, Any], None]
_MAX_LOOKS = 2000  # a stack of one queue takes a few


def call(method: str, **arguments: Any) -> Call:
    return Call(method, arguments)


def fails(method: str, **arguments: Any) -> Call:
    return Call(method, arguments, fails=True)


def prepare(account: RunningAccount) -> None:
    """Put there what the calls of one service need of another."""
    account.client("s3").create_bucket(Bucket="conform-models")
    account.client("s3").put_object(Bucket="conform-models", Key="model.tar.gz", Body=b"")
    # Jobs run until they are stopped: of one that may have ended, the answer's shape is a matter of chance.
    script = source_archive("import time; time.sleep(600)")
    account.client("s3").put_object(Bucket="conform-models", Key="source.tar.gz", Body=script)


def s3() -> Calls:
    """A bucket, its policy and what is in it."""
    name = {"Bucket": "conform"}
    yield call("create_bucket", **name)
    yield call("head_bucket", **name)
    yield fails("head_bucket", Bucket="conform-none")
    yield fails("get_bucket_policy", **name)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::conform/never/*"}
    yield call("put_bucket_policy", **name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    yield call("get_bucket_policy", **name)
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    yield call("put_public_access_block", **name, PublicAccessBlockConfiguration=block)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    yield call("put_bucket_encryption", **name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    yield call("put_object", **name, Key="a", Body=b"text", Metadata={"k": "v"}, ContentType="text/plain")
    yield call("get_bucket_acl", **name)
    yield call("get_public_access_block", **name)
    yield call("get_object", **name, Key="a")
    yield fails("get_object", **name, Key="none")
    yield call("head_object", **name, Key="a")
    yield fails("head_object", **name, Key="none")
    yield call("copy_object", **name, Key="b", CopySource="conform/a")
    yield call("list_objects_v2", **name)
    yield call("list_object_versions", **name)
    yield call("list_multipart_uploads", **name)
    yield call("delete_object", **name, Key="b")
    yield call("delete_objects", **name, Delete={"Objects": [{"Key": "a"}]})
    yield fails("list_objects_v2", Bucket="conform-none")


def sqs() -> Calls:
    """A queue and a message."""
    url = {"QueueUrl": (yield call("create_queue", QueueName="conform"))["QueueUrl"]}
    yield call("get_queue_url", QueueName="conform")
    yield fails("get_queue_url", QueueName="conform-none")
    yield call("get_queue_attributes", **url, AttributeNames=["All"])
    yield call("send_message", **url, MessageBody="text")
    received = yield call("receive_message", **url, MessageSystemAttributeNames=["All"])
    yield call("delete_message", **url, ReceiptHandle=received["Messages"][0]["ReceiptHandle"])
    yield fails("delete_message", **url, ReceiptHandle="none")


def sns() -> Calls:
    """A topic and a subscription."""
    arn = (yield call("create_topic", Name="conform"))["TopicArn"]
    yield call("get_topic_attributes", TopicArn=arn)
    yield fails("get_topic_attributes", TopicArn=f"{arn}-none")
    queue = "arn:aws:sqs:us-east-1:123456789012:conform"
    subscribed = yield call("subscribe", TopicArn=arn, Protocol="sqs", Endpoint=queue, ReturnSubscriptionArn=True)
    yield call("get_subscription_attributes", SubscriptionArn=subscribed["SubscriptionArn"])
    yield call("list_subscriptions_by_topic", TopicArn=arn)
    yield call("publish", TopicArn=arn, Message="text")
    yield fails("publish", TopicArn=f"{arn}-none", Message="text")


def sts() -> Calls:
    """Who calls."""
    yield call("get_caller_identity")


def iam() -> Calls:
    """A role."""
    yield call("create_role", RoleName="conform", Path="/conform/", AssumeRolePolicyDocument=json.dumps(_TRUST))
    yield call("get_role", RoleName="conform")
    yield fails("get_role", RoleName="conform-none")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    arn = (yield call("create_policy", PolicyName="conform", PolicyDocument=policy))["Policy"]["Arn"]
    yield call("get_policy", PolicyArn=arn)
    yield fails("get_policy", PolicyArn=f"{arn}-none")
    yield call("get_policy_version", PolicyArn=arn, VersionId="v1")
    yield call("attach_role_policy", RoleName="conform", PolicyArn=arn)
    yield call("list_attached_role_policies", RoleName="conform")
    yield call("put_role_policy", RoleName="conform", PolicyName="own", PolicyDocument=policy)
    yield call("list_role_policies", RoleName="conform")
    yield call("get_role_policy", RoleName="conform", PolicyName="own")
    yield call("list_roles", PathPrefix="/conform/")


def dynamodb() -> Calls:
    """A table and its items."""
    table = {"TableName": "conform"}
    key = [{"AttributeName": "Id", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "Id", "AttributeType": "S"}]
    yield call("create_table", **table, KeySchema=key, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST")
    yield call("describe_table", **table)
    yield fails("describe_table", TableName="conform-none")
    item = {"Id": {"S": "x"}}
    yield call("put_item", **table, Item=item | {"N": {"N": "1"}})
    yield fails("put_item", **table, Item=item, ConditionExpression="attribute_not_exists(Id)")
    yield call("get_item", **table, Key=item)
    yield call(
        "update_item",
        **table,
        Key=item,
        UpdateExpression="SET N = :n",
        ExpressionAttributeValues={":n": {"N": "2"}},
        ReturnValues="ALL_NEW",
    )
    yield call("query", **table, KeyConditionExpression="Id = :i", ExpressionAttributeValues={":i": {"S": "x"}})
    yield call("scan", **table)
    yield call("delete_item", **table, Key=item)


def logs() -> Calls:
    """A log group and its events."""
    group = {"logGroupName": "conform"}
    yield call("create_log_group", **group)
    yield fails("create_log_group", **group)
    yield call("create_log_stream", **group, logStreamName="s")
    yield call("describe_log_groups", logGroupNamePrefix="conform")
    yield call("describe_log_streams", **group)
    yield call("filter_log_events", **group)
    yield fails("filter_log_events", logGroupName="conform-none")
    transformation = {"metricName": "m", "metricNamespace": "conform", "metricValue": "1"}
    filtered = {"filterName": "f", "filterPattern": "x", "metricTransformations": [transformation]}
    yield call("put_metric_filter", **group, **filtered)
    yield fails("put_metric_filter", logGroupName="conform-none", **filtered)
    yield call("describe_metric_filters", **group)
    yield call("delete_metric_filter", **group, filterName="f")
    yield call("delete_log_group", **group)


def cloudwatch() -> Calls:
    """An alarm and a dashboard."""
    yield call("put_metric_data", Namespace="conform", MetricData=[{"MetricName": "m", "Value": 1.0}])
    alarm = {
        "AlarmName": "conform", "Namespace": "conform", "MetricName": "m", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    yield call("put_metric_alarm", **alarm)
    yield call("describe_alarms", AlarmNames=["conform"])
    yield call("list_metrics", Namespace="conform")
    yield call("delete_alarms", AlarmNames=["conform"])
    yield call("put_dashboard", DashboardName="conform", DashboardBody='{"widgets": []}')
    yield call("get_dashboard", DashboardName="conform")
    yield fails("get_dashboard", DashboardName="conform-none")


def events() -> Calls:
    """A rule."""
    yield call("put_rule", Name="conform", EventPattern='{"source": ["conform"]}')
    yield call("describe_rule", Name="conform")
    yield fails("describe_rule", Name="conform-none")
    yield fails("put_rule", Name="conform", EventPattern='{"source": "conform"}')
    target = {"Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:conform"}
    yield call("put_targets", Rule="conform", Targets=[target])
    yield call("list_targets_by_rule", Rule="conform")
    yield call("put_events", Entries=[{"Source": "x", "DetailType": "t", "Detail": "{}"}])


def stepfunctions() -> Calls:
    """A state machine and an execution."""
    machine = yield call("create_state_machine", name="conform", definition=_PASS, roleArn=ROLE)
    arn = {"stateMachineArn": machine["stateMachineArn"]}
    yield call("describe_state_machine", **arn)
    yield fails("describe_state_machine", stateMachineArn=f"{arn['stateMachineArn']}-none")
    started = yield call("start_execution", **arn, input="{}")
    execution = {"executionArn": started["executionArn"]}
    yield call("describe_execution", **execution)
    yield call("list_executions", **arn)
    yield call("stop_execution", **execution, error="E", cause="C")
    yield call("get_execution_history", **execution)
    yield fails("describe_execution", executionArn=f"{started['executionArn']}-none")
    yield fails("send_task_success", taskToken="none", output="{}")
    yield fails("send_task_failure", taskToken="none")


def lambda_() -> Calls:
    """A function with an alias, a layer and a URL."""
    code = archive({"app.py": "def handler(event, context):\n    return event\n"})
    name = {"FunctionName": "conform"}
    yield call(
        "create_function", **name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": code}
    )
    yield fails(
        "create_function", **name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": code}
    )
    yield call("get_function", **name)
    yield fails("get_function", FunctionName="conform-none")
    yield call("get_function_configuration", **name)
    yield call("update_function_configuration", **name, Timeout=5)
    yield call("invoke", **name, Payload=b"{}")
    yield call("publish_version", **name)
    yield call("create_alias", **name, Name="live", FunctionVersion="1")
    yield call("get_alias", **name, Name="live")
    yield fails("get_alias", **name, Name="none")
    yield call("put_function_concurrency", **name, ReservedConcurrentExecutions=1)
    yield call("get_function_concurrency", **name)
    yield call("delete_function_concurrency", **name)
    yield call("put_function_event_invoke_config", **name, MaximumRetryAttempts=1)
    yield call("get_function_event_invoke_config", **name)
    yield fails("get_function_event_invoke_config", **name, Qualifier="live")
    yield call("create_function_url_config", **name, AuthType="AWS_IAM")
    yield call("get_function_url_config", **name)
    yield call("list_function_url_configs", **name)
    yield call("add_permission", **name, StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
    yield call("get_policy", **name)
    yield fails("get_policy", **name, Qualifier="live")
    yield call("publish_layer_version", LayerName="conform", Content={"ZipFile": archive({"python/m.py": ""})})
    yield call("get_layer_version", LayerName="conform", VersionNumber=1)
    yield call("list_tags", Resource="arn:aws:lambda:us-east-1:123456789012:function:conform")
    yield call("get_account_settings")
    yield fails("get_event_source_mapping", UUID="00000000-0000-0000-0000-000000000000")


def scheduler() -> Calls:
    """A schedule."""
    target = {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:conform", "RoleArn": ROLE}
    window = {"Mode": "OFF"}
    yield call(
        "create_schedule", Name="conform", ScheduleExpression="rate(1 day)", FlexibleTimeWindow=window, Target=target
    )
    yield call("get_schedule", Name="conform")
    yield fails("get_schedule", Name="conform-none")


def ssm() -> Calls:
    """A parameter and one that is not there."""
    yield call("put_parameter", Name="/conform", Value="v", Type="String")
    yield call("get_parameters", Names=["/conform", "/none"])


def kms() -> Calls:
    """A key."""
    key = (yield call("create_key"))["KeyMetadata"]["KeyId"]
    yield call("describe_key", KeyId=key)
    yield fails("describe_key", KeyId="00000000-0000-0000-0000-000000000000")


def sagemaker() -> Calls:
    """Jobs that are stopped, a model package and an endpoint's configuration."""
    common = {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://conform-models/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    script = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://conform-models/source.tar.gz"}
    yield call("create_training_job", TrainingJobName="conform", **common, HyperParameters=script)
    yield fails("create_training_job", TrainingJobName="conform", **common)
    yield call("describe_training_job", TrainingJobName="conform")
    yield fails("describe_training_job", TrainingJobName="conform-none")
    yield call("stop_training_job", TrainingJobName="conform")
    yield call("list_training_jobs", NameContains="conform")
    config = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "m"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
        "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "lr", "MinValue": "0.1", "MaxValue": "1"}]},
    }
    metrics = [{"Name": "m", "Regex": "m=(.*)"}]
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics}
    definition = common | {"AlgorithmSpecification": algorithm, "StaticHyperParameters": script}
    tuning = {"HyperParameterTuningJobName": "conform"}
    yield call(
        "create_hyper_parameter_tuning_job",
        **tuning,
        HyperParameterTuningJobConfig=config,
        TrainingJobDefinition=definition,
    )
    yield call("describe_hyper_parameter_tuning_job", **tuning)
    yield fails("describe_hyper_parameter_tuning_job", HyperParameterTuningJobName="none")
    for _ in range(_MAX_LOOKS):  # its first training job starts after it
        if (yield call("list_training_jobs_for_hyper_parameter_tuning_job", **tuning))["TrainingJobSummaries"]:
            break
    yield call("stop_hyper_parameter_tuning_job", **tuning)
    yield call("list_hyper_parameter_tuning_jobs", NameContains="conform")
    container = {"Image": _SERVING, "ModelDataUrl": "s3://conform-models/model.tar.gz"}
    yield call("create_model", ModelName="conform", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    yield call("describe_model", ModelName="conform")
    yield fails("describe_model", ModelName="none")
    yield call("list_models", NameContains="conform")
    variant = {"VariantName": "v", "ModelName": "conform", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    yield call("create_endpoint_config", EndpointConfigName="conform", ProductionVariants=[variant])
    yield call("describe_endpoint_config", EndpointConfigName="conform")
    yield fails("describe_endpoint_config", EndpointConfigName="none")
    yield call("list_endpoint_configs", NameContains="conform")
    yield fails("describe_endpoint", EndpointName="none")
    yield fails("delete_endpoint", EndpointName="none")
    yield call("list_endpoints", NameContains="conform")
    group = {"ModelPackageGroupName": "conform"}
    yield call("create_model_package_group", **group)
    yield call("describe_model_package_group", **group)
    yield fails("describe_model_package_group", ModelPackageGroupName="none")
    supported = {
        "Containers": [container], "SupportedContentTypes": ["image/jpeg"],
        "SupportedResponseMIMETypes": ["application/json"],
    }  # fmt: skip
    package = yield call("create_model_package", **group, InferenceSpecification=supported)
    arn = {"ModelPackageArn": package["ModelPackageArn"]}
    yield call("describe_model_package", ModelPackageName=package["ModelPackageArn"])
    yield call("update_model_package", **arn, ModelApprovalStatus="Approved")
    yield call("list_model_packages", **group)
    card = {"ModelCardName": "conform"}
    yield call("create_model_card", **card, Content="{}", ModelCardStatus="Draft")
    yield fails("create_model_card", **card, Content="{}", ModelCardStatus="Draft")
    yield call("describe_model_card", **card)
    yield fails("describe_model_card", ModelCardName="none")
    yield call("update_model_card", **card, ModelCardStatus="Approved")
    yield call("list_model_cards", NameContains="conform")
    yield call("list_model_card_versions", **card)
    yield call("delete_model_card", **card)
    tagged = {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/conform"}
    yield call("add_tags", **tagged, Tags=[{"Key": "k", "Value": "v"}])
    yield call("list_tags", **tagged)
    yield call("delete_tags", **tagged, TagKeys=["k"])
    yield call("delete_model_package", ModelPackageName=package["ModelPackageArn"])
    yield call("delete_endpoint_config", EndpointConfigName="conform")
    yield call("delete_model", ModelName="conform")
    yield fails("delete_model", ModelName="none")


def application_autoscaling() -> Calls:
    """What is there before anything is registered."""
    of, none = {"ServiceNamespace": "sagemaker"}, "endpoint/none/variant/v"
    yield call("describe_scalable_targets", **of, ResourceIds=[none])
    yield call("describe_scaling_policies", **of, ResourceId=none)
    yield call("describe_scheduled_actions", **of, ResourceId=none)
    resource = {"ResourceId": none, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    yield fails("register_scalable_target", **of, **resource, MinCapacity=1, MaxCapacity=2)
    yield fails("deregister_scalable_target", **of, **resource)


def service_quotas() -> Calls:
    """Quotas, asked for and by default."""
    yield call("list_service_quotas", ServiceCode="sagemaker", MaxResults=1)
    yield call("list_aws_default_service_quotas", ServiceCode="sagemaker", MaxResults=1)


def sagemaker_runtime() -> Calls:
    """An endpoint that is not there."""
    yield fails("invoke_endpoint", EndpointName="none", Body=b"x")


def cloudformation() -> Calls:
    """A stack with a queue, by a change set."""
    body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    stack = {"StackName": "conform"}
    created = yield call("create_change_set", **stack, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body)
    first = {"ChangeSetName": created["Id"]}
    yield call("describe_change_set", **first)
    yield call("execute_change_set", **first)
    for _ in range(_MAX_LOOKS):  # or the newest event is the queue's now and the stack's then
        if (yield call("describe_stacks", **stack))["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE":
            break
    yield fails("describe_stacks", StackName="conform-none")
    yield call("describe_stack_events", **stack)
    yield call("get_template", **stack)
    yield fails("describe_change_set", **stack, ChangeSetName="none")
    yield call("delete_stack", **stack)


SERVICES = {
    "s3": s3, "sqs": sqs, "sns": sns, "sts": sts, "iam": iam, "dynamodb": dynamodb, "logs": logs,
    "cloudwatch": cloudwatch, "events": events, "stepfunctions": stepfunctions, "lambda": lambda_,
    "scheduler": scheduler, "ssm": ssm, "kms": kms, "sagemaker": sagemaker,
    "application-autoscaling": application_autoscaling, "service-quotas": service_quotas,
    "sagemaker-runtime": sagemaker_runtime, "cloudformation": cloudformation,
}  # fmt: skip
