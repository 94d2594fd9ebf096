"""Tests of the resource types: what a stack creates, changes and deletes really is so in each service."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.counted import DAY, whole_span
from support.stack_resources import DENY, ROLE, function, resource, up


def test_bucket(deployer: Any) -> None:
    """Every setting takes effect, changes, and goes back to none when the template drops it."""
    rules = [
        {"Id": "old", "Status": "Enabled", "Prefix": "staged/", "ExpirationInDays": 30},
        {
            "Id": "cool",
            "Status": "Enabled",
            "Transitions": [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 30}],
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        },
    ]
    block = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), "true")
    encryption = {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    bucket = resource(
        "S3::Bucket",
        BucketEncryption=encryption,
        CorsConfiguration={"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 60}]},
        LifecycleConfiguration={"Rules": rules},
        NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        PublicAccessBlockConfiguration=block,
        Tags=[{"Key": "a", "Value": "b"}],
        VersioningConfiguration={"Status": "Enabled"},
    )
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": {"Fn::Sub": "${Bucket.Arn}/*"}}
    statement["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    policy = resource("S3::BucketPolicy", Bucket={"Ref": "Bucket"}, PolicyDocument={"Statement": [statement]})
    up(deployer, Bucket=bucket, Policy=policy)
    s3, name = deployer.aws("s3"), deployer.physical_id("Bucket")

    kept = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert kept[0]["Expiration"] == {"Days": 30}
    assert kept[1]["Transitions"] == [{"Days": 30, "StorageClass": "INTELLIGENT_TIERING"}]
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_cors(Bucket=name)["CORSRules"][0]["MaxAgeSeconds"] == 60
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert ownership == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    encrypted = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encrypted["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert (
        json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][0]["Resource"] == f"arn:aws:s3:::{name}/*"
    )

    up(deployer, Bucket=resource("S3::Bucket"))
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    for gone in (s3.get_bucket_lifecycle_configuration, s3.get_public_access_block, s3.get_bucket_policy):
        with pytest.raises(ClientError, match="NoSuch"):
            gone(Bucket=name)


def test_bucket_events(deployer: Any) -> None:
    """Objects of a bucket whose EventBridge notification is on reach a rule's queue."""
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [{"Ref": "Bucket"}]}}}
    target = {"Id": "q", "Arn": {"Fn::GetAtt": "Queue.Arn"}, "InputPath": "$.detail.object.key"}
    service = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    document = {"Statement": [{**service, "Resource": {"Fn::GetAtt": "Queue.Arn"}}]}
    up(
        deployer,
        Bucket=resource("S3::Bucket", NotificationConfiguration={"EventBridgeConfiguration": {}}),
        Queue=resource("SQS::Queue"),
        Policy=resource("SQS::QueuePolicy", Queues=[{"Ref": "Queue"}], PolicyDocument=document),
        Rule=resource("Events::Rule", EventPattern=pattern, Targets=[target]),
    )
    url, bucket = deployer.physical_id("Queue"), deployer.physical_id("Bucket")

    deployer.aws("s3").put_object(Bucket=bucket, Key="datasets/a/_SUCCESS", Body=b"")

    received = deployer.aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert json.loads(received[0]["Body"]) == "datasets/a/_SUCCESS"
    deployer.aws("s3").delete_object(Bucket=bucket, Key="datasets/a/_SUCCESS")


def test_metric_filter(deployer: Any) -> None:
    """Lines of a log group that match become samples of a metric, by the filter as it is now."""
    transformation = {"MetricName": "Refused", "MetricNamespace": deployer.name, "MetricValue": "1"}
    group = resource("Logs::LogGroup")

    def update(word: str) -> None:
        pattern = f'{{ $.errors[0] = "{word}" }}'
        made = resource(
            "Logs::MetricFilter",
            LogGroupName={"Ref": "Group"},
            FilterPattern=pattern,
            MetricTransformations=[transformation],
        )
        up(deployer, Group=group, Filter=made)

    update("Other")
    update("Forbidden")
    logs, name = deployer.aws("logs"), deployer.physical_id("Group")
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    lines = [json.dumps({"errors": errors}) for errors in (["Forbidden"], ["Other"], [])]
    events = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines]
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)

    (kept,) = logs.describe_metric_filters(logGroupName=name)["metricFilters"]
    assert kept["filterName"] == deployer.physical_id("Filter")
    counted = deployer.aws("cloudwatch").get_metric_statistics(
        Namespace=deployer.name,
        MetricName="Refused",
        **whole_span(),
        Period=DAY,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in counted["Datapoints"]) == 1
    with pytest.raises(ClientError, match="log group does not exist"):
        logs.put_metric_filter(
            logGroupName="gone", filterName="f", filterPattern="", metricTransformations=[dict.fromkeys((
                "metricName", "metricNamespace", "metricValue"), "1")],
        )  # fmt: skip
    up(deployer, Group=group)
    assert logs.describe_metric_filters(logGroupName=name)["metricFilters"] == []


def test_rule_permission_and_queue(deployer: Any) -> None:
    """An event reaches the rule's targets as they are now, with their transformers and dead-letter queues."""
    events, client = deployer.aws("events"), deployer.aws("lambda")
    queue = resource("SQS::Queue", VisibilityTimeout="60", MessageRetentionPeriod=1209600)
    policy = resource("SQS::QueuePolicy", Queues=[{"Ref": "Dead"}], PolicyDocument={"Statement": [DENY]})
    target = {
        "Id": "f",
        "Arn": {"Fn::GetAtt": "Function.Arn"},
        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": "Dead.Arn"}},
        "RetryPolicy": {"MaximumRetryAttempts": "3", "MaximumEventAgeInSeconds": 60},
        "InputTransformer": {"InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '{"a": <a>}'},
    }
    pattern = {"source": [deployer.name]}
    rule = resource("Events::Rule", EventPattern=pattern, Targets=[target, {**target, "Id": "g"}])
    permission = resource(
        "Lambda::Permission",
        FunctionName={"Fn::GetAtt": "Function.Arn"},
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn={"Fn::GetAtt": "Rule.Arn"},
    )
    parts = {"Role": ROLE, "Function": function(), "Dead": queue, "Policy": policy, "Permission": permission}
    up(deployer, **parts, Rule=rule)
    name, url = deployer.physical_id("Rule"), deployer.physical_id("Dead")

    targets = {item["Id"]: item for item in events.list_targets_by_rule(Rule=name)["Targets"]}
    assert set(targets) == {"f", "g"}
    assert targets["f"]["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60}
    assert targets["f"]["DeadLetterConfig"]["Arn"].endswith(url.rpartition("/")[2])
    statements = json.loads(client.get_policy(FunctionName=deployer.physical_id("Function"))["Policy"])["Statement"]
    assert statements[0]["Condition"]["ArnLike"]["AWS:SourceArn"].endswith(f"rule/{name}")
    attributes = deployer.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["MessageRetentionPeriod"]) == ("60", "1209600")
    assert json.loads(attributes["Policy"])["Statement"][0]["Effect"] == "Deny"

    rule = resource("Events::Rule", EventPattern=pattern, Targets=[target], State="DISABLED", Description="off")
    up(deployer, **parts | {"Dead": resource("SQS::Queue")}, Rule=rule)
    assert [item["Id"] for item in events.list_targets_by_rule(Rule=name)["Targets"]] == ["f"]
    assert events.describe_rule(Name=name)["State"] == "DISABLED"
    attributes = deployer.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "30"
    assert deployer.down() == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        events.describe_rule(Name=name)


def test_state_machine_and_schedule(deployer: Any) -> None:
    """The definition comes from S3 with its substitutions; a schedule starts what it names."""
    bucket = f"{deployer.name}-asl"
    deployer.aws("s3").create_bucket(Bucket=bucket)
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${Word} ${Kept}", "End": true}}}'
    deployer.aws("s3").put_object(Bucket=bucket, Key="a.json", Body=definition)

    def resources(word: str, rate: str) -> dict[str, Any]:
        machine = resource(
            "StepFunctions::StateMachine",
            DefinitionS3Location={"Bucket": bucket, "Key": "a.json"},
            DefinitionSubstitutions={"Word": word},
            RoleArn="arn:aws:iam::123456789012:role/tester",
            TracingConfiguration={"Enabled": True},
        )
        schedule = resource(
            "Scheduler::Schedule",
            FlexibleTimeWindow={"Mode": "OFF"},
            GroupName={"Ref": "Group"},
            ScheduleExpression=rate,
            Target={"Arn": {"Ref": "Machine"}, "RoleArn": "arn:aws:iam::123456789012:role/tester", "Input": "{}"},
        )
        return {"Machine": machine, "Schedule": schedule, "Group": resource("Scheduler::ScheduleGroup")}

    up(deployer, **resources("one", "rate(1 hour)"))
    arn, group = deployer.physical_id("Machine"), deployer.physical_id("Group")
    machine = deployer.aws("stepfunctions").describe_state_machine(stateMachineArn=arn)
    assert json.loads(machine["definition"])["States"]["A"]["Result"] == "one ${Kept}"
    assert machine["tracingConfiguration"] == {"enabled": True}

    up(deployer, **resources("two", "rate(2 hours)"))
    machine = deployer.aws("stepfunctions").describe_state_machine(stateMachineArn=arn)
    assert json.loads(machine["definition"])["States"]["A"]["Result"] == "two ${Kept}"
    schedule = deployer.aws("scheduler").get_schedule(Name=deployer.physical_id("Schedule"), GroupName=group)
    assert schedule["ScheduleExpression"] == "rate(2 hours)"
    assert deployer.down() == "DELETE_COMPLETE"
    assert group not in [item["Name"] for item in deployer.aws("scheduler").list_schedule_groups()["ScheduleGroups"]]


def test_table(deployer: Any) -> None:
    """Time to live and backups are on, and off again when the template drops them; other keys mean another table."""
    client = deployer.aws("dynamodb")

    def table(key: str, **properties: Any) -> dict[str, Any]:
        return resource(
            "DynamoDB::Table",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            **properties,
        )

    options = {
        "TimeToLiveSpecification": {"AttributeName": "ExpiresAt", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": "true"},
        "SSESpecification": {"SSEEnabled": True},
    }
    up(deployer, Table=table("Id", **options))
    name = deployer.physical_id("Table")
    ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ExpiresAt"}
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"

    up(deployer, Table=table("Id"))
    assert client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    up(deployer, Table=table("Other"))
    assert deployer.physical_id("Table") != name
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.describe_table(TableName=name)


def test_key(deployer: Any) -> None:
    """A key has policy, description, tags and rotation as the template says, and its deletion waits."""
    client = deployer.aws("kms")
    root = {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}
    ruling = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    parts = {"Topic": resource("SNS::Topic", KmsMasterKeyId={"Fn::GetAtt": "Key.Arn"})}
    options = {"EnableKeyRotation": True, "PendingWindowInDays": 7, "Tags": [{"Key": "a", "Value": "b"}]}
    up(deployer, **parts, Key=resource("KMS::Key", Description="d", KeyPolicy={"Statement": [ruling]}, **options))
    key_id, topic = deployer.physical_id("Key"), deployer.physical_id("Topic")
    metadata = client.describe_key(KeyId=key_id)["KeyMetadata"]
    assert (metadata["Description"], metadata["KeyState"]) == ("d", "Enabled")
    assert client.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]
    assert {"TagKey": "a", "TagValue": "b"} in client.list_resource_tags(KeyId=key_id)["Tags"]
    assert json.loads(client.get_key_policy(KeyId=key_id)["Policy"])["Statement"][0]["Principal"]["AWS"].endswith(
        ":root"
    )
    topic = deployer.aws("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert topic["KmsMasterKeyId"] == metadata["Arn"]

    up(deployer, **parts, Key=resource("KMS::Key", Enabled=False, PendingWindowInDays=7))
    metadata = client.describe_key(KeyId=key_id)["KeyMetadata"]
    assert (metadata["Description"], metadata["KeyState"]) == ("", "Disabled")
    assert not client.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]
    assert "a" not in {tag["TagKey"] for tag in client.list_resource_tags(KeyId=key_id)["Tags"]}
    assert json.loads(client.get_key_policy(KeyId=key_id)["Policy"])["Id"] == "key-default-1"

    up(deployer, Topic=resource("SNS::Topic"))
    assert client.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_topic_policy_and_subscription(deployer: Any) -> None:
    """A topic gets its policy back to the default when the template drops it; subscriptions come and go."""
    client = deployer.aws("sns")
    statement = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
    document = {"Statement": [{**statement, "Resource": {"Ref": "Topic"}}]}
    policy = resource("SNS::TopicPolicy", Topics=[{"Ref": "Topic"}], PolicyDocument=document)

    def subscription(**properties: Any) -> dict[str, Any]:
        where = {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": "Queue.Arn"}}
        return resource("SNS::Subscription", **where, **properties)

    sending = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    allowing = {"Statement": [{**sending, "Resource": {"Fn::GetAtt": "Queue.Arn"}}]}
    parts = {
        "Topic": resource("SNS::Topic", DisplayName="d"),
        "Queue": resource("SQS::Queue"),
        "QueuePolicy": resource("SQS::QueuePolicy", Queues=[{"Ref": "Queue"}], PolicyDocument=allowing),
    }
    up(deployer, **parts, Policy=policy, Subscription=subscription(RawMessageDelivery=True))
    arn, subscribed = deployer.physical_id("Topic"), deployer.physical_id("Subscription")
    text = client.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    assert json.loads(text)["Statement"][0]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    client.publish(TopicArn=arn, Message="hello")
    received = deployer.aws("sqs").receive_message(QueueUrl=deployer.physical_id("Queue"))["Messages"]
    assert received[0]["Body"] == "hello"

    up(deployer, **parts, Subscription=subscription(FilterPolicy={"a": ["b"]}))
    attributes = client.get_subscription_attributes(SubscriptionArn=subscribed)["Attributes"]
    assert (attributes["RawMessageDelivery"], json.loads(attributes["FilterPolicy"])) == ("false", {"a": ["b"]})
    text = client.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    assert json.loads(text)["Statement"][0]["Sid"] == "__default_statement_ID"


def test_logs_alarms_dashboard_and_model_packages(deployer: Any) -> None:
    """Retention, threshold and body follow the template, and all is gone in the end."""
    logs, watch, models = deployer.aws("logs"), deployer.aws("cloudwatch"), deployer.aws("sagemaker")

    def resources(days: int, threshold: str, title: str) -> dict[str, Any]:
        alarm = resource(
            "CloudWatch::Alarm",
            Namespace="AWS/SQS",
            MetricName="M",
            Dimensions=[{"Name": "QueueName", "Value": "q"}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=threshold,
            ComparisonOperator="GreaterThanThreshold",
        )
        return {
            "Group": resource("Logs::LogGroup", LogGroupName=f"/test/{deployer.name}", RetentionInDays=days),
            "Alarm": alarm,
            "Board": resource("CloudWatch::Dashboard", DashboardBody=f'{{"widgets": [], "start": "{title}"}}'),
            "Models": resource("SageMaker::ModelPackageGroup", ModelPackageGroupName=deployer.name),
        }

    up(deployer, **resources(7, "1", "-PT1H"))
    alarm, board = deployer.physical_id("Alarm"), deployer.physical_id("Board")
    assert models.describe_model_package_group(ModelPackageGroupName=deployer.name)["ModelPackageGroupStatus"]

    up(deployer, **resources(14, "2.5", "-PT2H"))
    group = logs.describe_log_groups(logGroupNamePrefix=f"/test/{deployer.name}")["logGroups"][0]
    assert group["retentionInDays"] == 14
    assert watch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["Threshold"] == 2.5
    assert "-PT2H" in watch.get_dashboard(DashboardName=board)["DashboardBody"]
    assert deployer.down() == "DELETE_COMPLETE"
    assert watch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"] == []
    with pytest.raises(ClientError, match=r"ValidationException.*does not exist"):
        models.describe_model_package_group(ModelPackageGroupName=deployer.name)


def test_a_dashboard_that_is_no_json_fails(deployer: Any) -> None:
    """CloudWatch would refuse it, and so does the stack."""
    status = deployer.up({"Resources": {"Board": resource("CloudWatch::Dashboard", DashboardBody="{")}})

    assert status == "ROLLBACK_COMPLETE"
    assert "not valid JSON" in deployer.events("Board")[-1]["ResourceStatusReason"]
