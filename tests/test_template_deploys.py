"""Deploys template.yaml itself: all of it exists, changes and goes, but for the data bucket."""

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount

import embedded_account
from tests.stacks import Deployer
from tests.template_stack import IMAGE, declared_parameters, deploy, packaged

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


@pytest.fixture
def deployer(aws: Any) -> Any:
    made = Deployer(aws)
    yield made
    if made.stack_id:
        made.down()


@pytest.mark.slow
def test_the_products_own_template(deployer: Any) -> None:
    """Create, no change, a changed parameter, and delete; nothing but the data bucket stays."""
    url = packaged(deployer)
    made, seconds = deploy(deployer, url)
    assert seconds < 30  # on an idle machine of 2 cores it takes one to two
    resources = deployer.client.list_stack_resources(StackName=deployer.name)["StackResourceSummaries"]
    assert len(resources) == len(made["Changes"]) > 70
    assert {item["ResourceStatus"] for item in resources} == {"CREATE_COMPLETE"}
    check_outputs(deployer)
    check_refused_addresses(deployer)

    unchanged, _ = deploy(deployer, url)
    assert unchanged["StatusReason"].startswith("The submitted information didn't contain changes.")

    changed, _ = deploy(
        deployer, url, Epochs="7", LogRetentionDays="60", PredictReservedConcurrency="3", UnusualRateBand="3"
    )
    assert {item["ResourceChange"]["Replacement"] for item in changed["Changes"] if item["ResourceChange"]["Action"] == "Modify"} == {"False"}  # noqa: E501  # fmt: skip
    client = deployer.aws("lambda")
    predict = deployer.outputs["PredictFunctionName"]
    assert client.get_function_configuration(FunctionName=predict)["Environment"]["Variables"]["EPOCHS"] == "7"
    assert client.get_function_concurrency(FunctionName=predict)["ReservedConcurrentExecutions"] == 3
    bucket = deployer.outputs["DataBucketName"]
    check_own_key(deployer, url)

    assert deployer.down() == "DELETE_COMPLETE"
    check_gone(deployer, bucket)


@pytest.mark.slow
@pytest.mark.account
def test_template_deploys_in_another_region(tmp_path: Path) -> None:
    """All of it is made in eu-central-1 as in us-east-1, and no ARN of it names another region."""
    info = embedded_account.start(tmp_path, region="eu-central-1")
    try:
        deployer = Deployer(RunningAccount(info, tmp_path).client)
        deploy(deployer, packaged(deployer))

        pages = deployer.client.get_paginator("list_stack_resources").paginate(StackName=deployer.name)
        resources = [item for page in pages for item in page["StackResourceSummaries"]]
        assert {item["ResourceStatus"] for item in resources} == {"CREATE_COMPLETE"}
        regions = re.findall(r"arn:aws:[\w-]+:([a-z0-9-]+):", json.dumps([*deployer.outputs.values()]))
        assert {*regions} == {"eu-central-1"}
    finally:
        embedded_account.stop(tmp_path)


def check_own_key(deployer: Any, url: str) -> None:
    """With TopicKey=ARN that key encrypts the topic, the stack's own goes, and without the key nothing is sent."""
    kms, sns = deployer.aws("kms"), deployer.aws("sns")
    key = kms.create_key(Description="a key of somebody's own")["KeyMetadata"]["Arn"]
    deploy(deployer, url, TopicKey=key)

    topic = deployer.outputs["TopicArn"]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["KmsMasterKeyId"] == key
    resources = deployer.client.list_stack_resources(StackName=deployer.name)["StackResourceSummaries"]
    statuses = {item["LogicalResourceId"]: item["ResourceStatus"] for item in resources}
    assert statuses.get("TopicEncryptionKey", "DELETE_COMPLETE") == "DELETE_COMPLETE"
    function = deployer.aws("lambda").get_function_configuration(FunctionName=f"{deployer.name}-report-outcome")
    role, iam = function["Role"].rpartition("/")[2], deployer.aws("iam")
    policies = iam.list_role_policies(RoleName=role)["PolicyNames"]
    statements = json.dumps(
        [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in policies]
    )
    assert key in statements
    sns.publish(TopicArn=topic, Message="encrypted")
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match="KMSDisabled"):
        sns.publish(TopicArn=topic, Message="not to be encrypted")


OTHER_VALUES = {
    "ModelName": "resnet18",
    "WeightsS3Uri": "s3://weights/resnet50/",
    "TuningInstanceType": "ml.c5.xlarge",
    "TrainingInstanceType": "ml.c5.xlarge",
    "EmaDecay": "0.9",
    "ProgressiveResize": "0.5",
    "GroupBy": "(patient[0-9]+)",
    "CriticalClasses": "dog:0.9",
    "MaxCalibrationError": "0.1",
    "ReplaceDataset": "pets",
    "EndpointName": "another-name",
    "EndpointInstanceType": "ml.c5.large",
    "PredictPrefix": "pictures/",
    "AllowedBuckets": "one-bucket,other-bucket",
    "FetchAllowedOrigins": "http://127.0.0.1:8080",
    "FetchAllowedPorts": "443,8443",
    "CorsAllowedOrigin": "https://example.org",
    "RetrainSchedule": "cron(0 3 * * ? *)",
    "RetrainScheduleTimeZone": "Europe/Berlin",
    "SweepSchedule": "rate(10 minutes)",
    "ScalingMeasurement": "at=2026-11-30T09:12Z run=r-1",
    "PredictProvisionedOn": "cron(0 7 ? * MON-FRI *)",
    "PredictProvisionedOff": "cron(0 19 ? * MON-FRI *)",
    "NotificationEmail": "someone@example.org",
    "TopicKey": "none",
    "InstancePrices": "ml.m5.xlarge=0.23,ml.g5.xlarge=1.408",
    "TrainingImageUri": IMAGE.replace("2.8.0", "2.8.1"),
    "InferenceImageUri": IMAGE.replace("2.8.0", "2.8.1"),
    "TrainingSourceS3Uri": "s3://bucket/other.tar.gz",
}
_OF_A_KIND = 3
TOGETHER = {"PredictProvisionedConcurrency": {"PredictReservedConcurrency": "2"}}  # what one needs beside it


def another_value(declared: dict[str, Any]) -> str:
    """Return a value of the parameter that is not its default."""
    name, default = declared["ParameterKey"], declared.get("DefaultValue", "")
    allowed = declared.get("ParameterConstraints", {}).get("AllowedValues", [])
    if name in OTHER_VALUES:
        return OTHER_VALUES[name]
    if allowed:
        return str(next(value for value in allowed if value != default))
    if declared["ParameterType"] == "Number":
        return "0.25" if "." in default else str(int(default) + (1 if int(default) < 20 else -1))
    raise KeyError(f"{name}: say in OTHER_VALUES what else it may be")


def places_of(name: str, template: str) -> frozenset[str]:
    """Return what of the template changes with the parameter: resources, the settings of all functions, conditions."""
    after_parameters = template[template.index("\nRules:") :]
    blocks = dict(re.findall(r"^  (\w+):.*\n((?:^(?:    .*)?\n)*)", after_parameters, re.MULTILINE))
    blocks |= dict(re.findall(r"^  (\w+): (!.*)$", after_parameters, re.MULTILINE))  # conditions, a line each

    def mentioning(word: str) -> set[str]:
        return {key for key, text in blocks.items() if re.search(rf"\b{word}\b", text)}

    direct = mentioning(name)
    return frozenset(direct.union(*map(mentioning, direct)))


def test_parameters_that_change_alike_are_one_kind() -> None:
    """Those of the functions' settings are many; what changes a resource of its own is of a kind of its own."""
    template = TEMPLATE.read_text()

    assert places_of("Epochs", template) == places_of("Patience", template)
    assert places_of("RetrainSchedule", template) != places_of("PredictProvisionedConcurrency", template)


@pytest.mark.slow
def test_every_parameter_alone_updates_a_stack(deployer: Any) -> None:
    """Changed by itself, with the digest that goes with it, each ends in UPDATE_COMPLETE.

    Of those that change the very same places of the template, three are taken.
    """
    url = packaged(deployer)
    deploy(deployer, url)
    refused: dict[str, Any] = {}
    declared = declared_parameters(deployer, url)
    template = TEMPLATE.read_text()
    taken = Counter[frozenset[str]]()

    for number, parameter in enumerate(declared, 1):
        name = parameter["ParameterKey"]
        places = places_of(name, template)
        if name == "SettingsDigest" or taken[places] == _OF_A_KIND:
            continue
        taken[places] += 1
        given = {name: another_value(parameter), **TOGETHER.get(name, {}), "SettingsDigest": f"{number:032x}"}
        try:
            deploy(deployer, url, None, **given)
        except AssertionError as error:
            refused[f"{name}={given[name]}"] = str(error)[:500]

    assert len(declared) > 60
    assert len(taken) > 20
    assert refused == {}


def check_outputs(deployer: Any) -> None:
    """What the outputs name exists and works together."""
    outputs = deployer.outputs
    assert json.load(deployer.aws("lambda").invoke(FunctionName=outputs["PredictAliasArn"])["Payload"]) == {}
    machine = deployer.aws("stepfunctions").describe_state_machine(stateMachineArn=outputs["StateMachineArn"])
    assert "${" not in machine["definition"].replace("$${", "")
    assert deployer.aws("dynamodb").describe_table(TableName=outputs["TableName"])["Table"]["TableStatus"] == "ACTIVE"
    assert deployer.aws("sns").get_topic_attributes(TopicArn=outputs["TopicArn"])
    assert deployer.aws("cloudwatch").get_dashboard(DashboardName=outputs["DashboardName"])["DashboardBody"]


def check_refused_addresses(deployer: Any) -> None:
    """The lines that the prediction function prints of refused addresses are counted, wherever the error stands."""
    logs, group = deployer.aws("logs"), f"/aws/lambda/{deployer.name}-predict"
    logs.create_log_stream(logGroupName=group, logStreamName="calls")
    calls = [["Forbidden"], ["BadRequest", "FetchFailed", "Forbidden", "NotAnImage"], ["BadRequest"], []]
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": json.dumps({"errors": errors})} for errors in calls]
    logs.put_log_events(logGroupName=group, logStreamName="calls", logEvents=events)

    (alarm,) = deployer.aws("cloudwatch").describe_alarms(AlarmNames=[f"{deployer.name}-predict-refused-addresses"])[
        "MetricAlarms"
    ]
    counted = deployer.aws("cloudwatch").get_metric_statistics(
        Namespace=alarm["Namespace"], MetricName=alarm["MetricName"], StartTime=now / 1000 - 300,
        EndTime=now / 1000 + 300, Period=60, Statistics=["Sum"],
    )  # fmt: skip
    assert sum(point["Sum"] for point in counted["Datapoints"]) == 2


def check_gone(deployer: Any, bucket: str) -> None:
    """Nothing carries the stack's name any more, but for the bucket."""
    aws, name = deployer.aws, deployer.name
    left = [
        *(item["FunctionName"] for item in aws("lambda").list_functions()["Functions"]),
        *(item["RoleName"] for item in aws("iam").list_roles()["Roles"]),
        *(item["Name"] for item in aws("events").list_rules()["Rules"]),
        *(item["Name"] for item in aws("scheduler").list_schedules()["Schedules"]),
        *(item["logGroupName"] for item in aws("logs").describe_log_groups()["logGroups"]),
        *(item["AlarmName"] for item in aws("cloudwatch").describe_alarms()["MetricAlarms"]),
        *(item["stateMachineArn"] for item in aws("stepfunctions").list_state_machines()["stateMachines"]),
        *(item["TopicArn"] for item in aws("sns").list_topics()["Topics"]),
        *aws("sqs").list_queues().get("QueueUrls", []),
        *aws("dynamodb").list_tables()["TableNames"],
        *(item["Name"] for item in aws("s3").list_buckets()["Buckets"]),
    ]
    assert [item for item in left if name in item and not item.endswith("-artifacts")] == [bucket]
