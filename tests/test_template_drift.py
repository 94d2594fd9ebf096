"""What of template.yaml somebody deletes by hand: `up` notices each kind of it, and makes it anew."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.session import Session, open_session
from ops.stack import presence, stacks
from ops.stack.expand_template import expand, read_template
from tests.stacks import Deployer
from tests.template_stack import deploy, packaged

Aws = Callable[[str], Any]
Names = dict[str, str]


def _delete_rule(aws: Aws, names: Names) -> None:
    rule = names["DatasetUploadRule"].rpartition("/")[2]
    aws("events").remove_targets(Rule=rule, Ids=["start-execution"])
    aws("events").delete_rule(Name=rule)


def _delete_role(aws: Aws, names: Names) -> None:
    role = names["RegisterModelRole"]
    aws("iam").delete_role_policy(RoleName=role, PolicyName="register-model")
    aws("iam").delete_role(RoleName=role)


def _delete_layer(aws: Aws, names: Names) -> None:
    (arn,) = [name for name in names.values() if ":layer:" in name]
    aws("lambda").delete_layer_version(LayerName=arn.split(":")[6], VersionNumber=int(arn.rpartition(":")[2]))


def _delete_version(aws: Aws, names: Names) -> None:
    (arn,) = [name for logical_id, name in names.items() if logical_id.startswith("PredictFunctionVersion")]
    aws("lambda").delete_function(FunctionName=names["PredictFunction"], Qualifier=arn.rpartition(":")[2])


# In this order: what hangs on another thing goes before it.
DELETIONS: dict[str, Callable[[Aws, Names], Any]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": lambda aws, names: aws(
        "application-autoscaling"
    ).deregister_scalable_target(
        ServiceNamespace="lambda",
        ResourceId=names["PredictProvisionedHours"].partition("|")[0],
        ScalableDimension="lambda:function:ProvisionedConcurrency",
    ),
    "AWS::Lambda::Url": lambda aws, names: aws("lambda").delete_function_url_config(
        FunctionName=names["PredictFunction"], Qualifier="live"
    ),
    "AWS::Lambda::Alias": lambda aws, names: aws("lambda").delete_alias(
        FunctionName=names["PredictFunction"], Name="live"
    ),
    "AWS::Lambda::Version": _delete_version,
    "AWS::Lambda::EventInvokeConfig": lambda aws, names: aws("lambda").delete_function_event_invoke_config(
        FunctionName=names["StartExecutionFunction"]
    ),
    "AWS::Lambda::EventSourceMapping": lambda aws, names: aws("lambda").delete_event_source_mapping(
        UUID=names["ArrivalMapping"]
    ),
    "AWS::Lambda::Permission": lambda aws, names: aws("lambda").remove_permission(
        FunctionName=names["StartExecutionFunction"], StatementId=names["DatasetUploadPermission"]
    ),
    "AWS::Lambda::Function": lambda aws, names: aws("lambda").delete_function(
        FunctionName=names["RegisterModelFunction"]
    ),
    "AWS::Lambda::LayerVersion": _delete_layer,
    "AWS::IAM::Role": _delete_role,
    "AWS::Budgets::Budget": lambda aws, names: aws("budgets").delete_budget(
        AccountId="123456789012", BudgetName=names["MonthlyBudget"]
    ),
    "AWS::Logs::MetricFilter": lambda aws, names: aws("logs").delete_metric_filter(
        logGroupName=names["PredictLogGroup"], filterName=names["PredictLogGroupRefusedAddresses"]
    ),
    "AWS::Logs::LogGroup": lambda aws, names: aws("logs").delete_log_group(logGroupName=names["PredictLogGroup"]),
    "AWS::Events::Rule": _delete_rule,
    "AWS::Scheduler::Schedule": lambda aws, names: aws("scheduler").delete_schedule(
        Name=names["SweepSchedulerSchedule"]
    ),
    "AWS::StepFunctions::StateMachine": lambda aws, names: aws("stepfunctions").delete_state_machine(
        stateMachineArn=names["StateMachine"]
    ),
    "AWS::CloudWatch::Alarm": lambda aws, names: aws("cloudwatch").delete_alarms(
        AlarmNames=[names["PredictErrorsAlarm"]]
    ),
    "AWS::CloudWatch::Dashboard": lambda aws, names: aws("cloudwatch").delete_dashboards(
        DashboardNames=[names["Dashboard"]]
    ),
    "AWS::SNS::Subscription": lambda aws, names: aws("sns").unsubscribe(SubscriptionArn=names["EmailSubscription"]),
    "AWS::SNS::Topic": lambda aws, names: aws("sns").delete_topic(TopicArn=names["Topic"]),
    "AWS::KMS::Key": lambda aws, names: aws("kms").schedule_key_deletion(
        KeyId=names["TopicEncryptionKey"], PendingWindowInDays=7
    ),
    "AWS::SQS::QueuePolicy": lambda aws, names: aws("sqs").set_queue_attributes(
        QueueUrl=names["FunctionDeadLetterQueue"], Attributes={"Policy": ""}
    ),
    "AWS::SQS::Queue": lambda aws, names: aws("sqs").delete_queue(QueueUrl=names["EventDeadLetterQueue"]),
    "AWS::DynamoDB::Table": lambda aws, names: aws("dynamodb").delete_table(TableName=names["Table"]),
    "AWS::S3::BucketPolicy": lambda aws, names: aws("s3").delete_bucket_policy(Bucket=names["DataBucket"]),
    "AWS::S3::Bucket": lambda aws, names: aws("s3").delete_bucket(Bucket=names["DataBucket"]),
    "AWS::SageMaker::ModelPackageGroup": lambda aws, names: aws("sagemaker").delete_model_package_group(
        ModelPackageGroupName=names["ModelPackageGroup"].rpartition("/")[2]
    ),
}
PROVISIONED_HOURS = {
    "PredictReservedConcurrency": "2",
    "PredictProvisionedConcurrency": "1",
    "PredictProvisionedOn": "cron(0 7 ? * MON-FRI *)",
    "PredictProvisionedOff": "cron(0 19 ? * MON-FRI *)",
}
NEVER_ALONE = {"AWS::SNS::TopicPolicy"}  # a topic always has a policy; it goes with its topic


@pytest.fixture
def deployer(aws: Aws) -> Iterator[Deployer]:
    """Give a stack of the test's own."""
    made = Deployer(aws)
    yield made
    if made.stack_id:
        made.down()


def test_every_type_of_the_template_is_looked_for() -> None:
    """A resource of a new type needs a reading, and a line in the test below."""
    types = {resource["Type"] for resource in expand(read_template())["Resources"].values()}

    assert types == set(presence.READINGS) == set(DELETIONS) | NEVER_ALONE


@pytest.mark.slow
@pytest.mark.account
def test_what_is_deleted_by_hand_is_noticed_and_made_anew(deployer: Deployer, aws: Aws, account: Any) -> None:
    """One resource of every type is deleted, each is missed at once, and one update makes all of them again."""
    url = packaged(deployer)
    conditional = {"NotificationEmail": "someone@example.org", "MonthlyBudgetDollars": "20", **PROVISIONED_HOURS}
    deploy(deployer, url, None, **conditional)
    session = open_session(deployer.name, account.info)
    assert presence.missing(session, stacks.deployed(session)) == []
    names = _names(session)
    unnoticed = []

    for type_name, delete in DELETIONS.items():
        delete(aws, names)
        if type_name not in {resource.type_name for resource in presence.missing(session, stacks.deployed(session))}:
            unnoticed.append(type_name)

    assert unnoticed == []
    deploy(deployer, url, mode={"DeploymentMode": "REVERT_DRIFT"}, **conditional)
    assert presence.missing(session, stacks.deployed(session)) == []
    assert aws("lambda").invoke(FunctionName=deployer.outputs["PredictAliasArn"])["StatusCode"] == 200


def test_what_may_not_be_looked_at_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without a permission must not be told that the table is gone."""
    refusal = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeTable")

    def refuse(*_: object) -> None:
        raise refusal

    session = Session("flowers", "us-east-1", "123456789012")
    listed = [
        {
            "LogicalResourceId": "Table",
            "ResourceType": "AWS::DynamoDB::Table",
            "PhysicalResourceId": "t",
            "ResourceStatus": "CREATE_COMPLETE",
        }
    ]
    monkeypatch.setattr(stacks, "resources", lambda *_: listed)
    monkeypatch.setitem(presence.READINGS, "AWS::DynamoDB::Table", refuse)

    assert presence.missing(session, stacks.Stack("id", "CREATE_COMPLETE", {}, {})) == []


def _names(session: Session) -> Names:
    listed = stacks.resources(session, stacks.deployed(session))
    return {entry["LogicalResourceId"]: entry["PhysicalResourceId"] for entry in listed}
