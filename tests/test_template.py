"""What no linter notices in template.yaml: waits that hang, events that vanish, doors that stand open."""

import json
import re
from typing import Any

import pytest

from handlers.prediction import endpoint_client, fetch
from handlers.prediction.settings import RESERVE_SECONDS
from ops.stack import expand_template
from ops.stack.expand_template import expand, read_template
from tests.template_resources import Resource, listed, of_type, refers_to, statements

ASYNCHRONOUS = {"StartExecutionFunction", "ResumeExecutionFunction", "StandbyFunction"}


def test_every_rule_and_schedule_has_retries_and_a_dlq(resources: dict[str, Resource]) -> None:
    """An event that cannot be delivered is tried again, then kept."""
    rules = of_type(resources, "AWS::Events::Rule")
    targets = [(name, target) for name, rule in rules.items() for target in rule["Targets"]]
    targets += [(name, schedule["Target"]) for name, schedule in of_type(resources, "AWS::Scheduler::Schedule").items()]

    for name, target in targets:
        assert refers_to(target["DeadLetterConfig"]["Arn"], "EventDeadLetterQueue"), name
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0, name
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] >= 60, name
    policy = json.dumps(resources["EventDeadLetterQueuePolicy"])
    assert all(f'["{name}", "Arn"]' in policy for name in rules), "each rule may send to its dead-letter queue"


def test_every_asynchronous_function_has_retries_and_a_dlq(resources: dict[str, Resource]) -> None:
    """Whatever a rule or a schedule invokes keeps the events that it failed on."""
    targets = [rule["Targets"][0] for rule in of_type(resources, "AWS::Events::Rule").values()]
    targets += [schedule["Target"] for schedule in of_type(resources, "AWS::Scheduler::Schedule").values()]
    queues = of_type(resources, "AWS::SQS::Queue")
    invoked = {target["Arn"]["Fn::GetAtt"][0] for target in targets} - set(queues)
    configured = {
        config["FunctionName"]["Ref"]: config
        for config in of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
    }

    assert invoked == set(configured) == ASYNCHRONOUS
    for name, config in configured.items():
        assert refers_to(config["DestinationConfig"]["OnFailure"]["Destination"], "FunctionDeadLetterQueue"), name
        assert config["MaximumRetryAttempts"] == 2, name
        role = resources[name]["Properties"]["Role"]["Fn::GetAtt"][0]
        assert any(owner == role and "sqs:SendMessage" in listed(s["Action"]) for owner, s in statements(resources))


def mappings(resources: dict[str, Resource]) -> list[dict[str, Any]]:
    """Return the properties of each event source mapping."""
    return list(of_type(resources, "AWS::Lambda::EventSourceMapping").values())


def test_a_polled_queue_hides_messages_as_long_as_lambda_asks(resources: dict[str, Resource]) -> None:
    """Six times the function's time limit, so that no batch comes twice that is still being worked on.

    Source: Lambda developer guide, "Creating and configuring an Amazon SQS event source mapping".
    """
    for mapping in mappings(resources):
        function = resources[mapping["FunctionName"]["Ref"]]["Properties"]
        queue = of_type(resources, "AWS::SQS::Queue")[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"]["MaximumConcurrency"] == 2


def test_every_dead_letter_queue_has_an_alarm(resources: dict[str, Resource]) -> None:
    """One message is enough, and the alarm tells someone."""
    alarms = of_type(resources, "AWS::CloudWatch::Alarm").values()
    queues = of_type(resources, "AWS::SQS::Queue")
    polled = {one["EventSourceArn"]["Fn::GetAtt"][0] for one in mappings(resources)}

    for queue in polled:
        assert refers_to(queues[queue]["RedrivePolicy"]["deadLetterTargetArn"], "FunctionDeadLetterQueue"), queue
    for queue in set(queues) - polled:
        (alarm,) = [candidate for candidate in alarms if refers_to(candidate.get("Dimensions"), queue)]
        assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
        assert alarm["AlarmActions"] == [{"Ref": "Topic"}]


def test_every_rule_may_invoke_its_target_and_nobody_else_may(resources: dict[str, Resource]) -> None:
    """Each permission is for one rule of EventBridge; the one URL asks IAM, and no permission opens it."""
    rules = of_type(resources, "AWS::Events::Rule")
    assert refers_to(rules.pop("ArrivalRule")["Targets"][0]["Arn"], "ArrivalQueue")  # whose policy names the rule
    permissions = of_type(resources, "AWS::Lambda::Permission").values()

    granted = {
        (p["SourceArn"]["Fn::GetAtt"][0], p["FunctionName"]["Ref"])
        for p in permissions
        if p["Principal"] == "events.amazonaws.com"
    }
    targets = {(name, target["Arn"]["Fn::GetAtt"][0]) for name, rule in rules.items() for target in rule["Targets"]}
    assert granted == targets
    assert len(permissions) == len(targets)
    (url,) = of_type(resources, "AWS::Lambda::Url").values()
    condition, cors, otherwise = url["Cors"]["Fn::If"]
    assert (condition, otherwise) == ("HasCorsAllowedOrigin", {"Ref": "AWS::NoValue"})
    assert cors["AllowOrigins"] == [{"Ref": "CorsAllowedOrigin"}]
    others = {name: value for name, value in url.items() if name != "Cors"}
    assert others == {"TargetFunctionArn": {"Ref": "PredictFunctionAliaslive"}, "AuthType": "AWS_IAM"}


def test_every_function_has_its_own_role_timeout_and_log_group(resources: dict[str, Resource]) -> None:
    """Functions and roles pair up, each log group is named after its function and is kept for a limited time."""
    functions = of_type(resources, "AWS::Lambda::Function")
    groups = of_type(resources, "AWS::Logs::LogGroup").values()
    names = {json.dumps(group["LogGroupName"]) for group in groups}

    roles = [function["Role"]["Fn::GetAtt"][0] for function in functions.values()]
    assert len(set(roles)) == len(functions) == 17
    for name, function in functions.items():
        assert function["Timeout"] >= 30, name
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        assert json.dumps({"Fn::Sub": f"/aws/lambda/{function['FunctionName']['Fn::Sub']}"}) in names, name


def test_every_log_group_has_a_retention(resources: dict[str, Resource]) -> None:
    """Nothing is kept for ever: functions, state machine and endpoint."""
    groups = of_type(resources, "AWS::Logs::LogGroup")

    assert len(groups) == 19
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_the_prediction_function_outlasts_its_own_clients(template: dict[str, Any]) -> None:
    """Fetch, both tries at the endpoint and a second to answer fit in, at the largest values allowed."""
    parameters = template["Parameters"]
    timeout = template["Resources"]["PredictFunction"]["Properties"]["Timeout"]

    longest = parameters["FetchDeadlineSeconds"]["MaxValue"] + endpoint_client.TRIES * (
        endpoint_client.CONNECT_SECONDS + parameters["EndpointReadTimeoutSeconds"]["MaxValue"]
    )
    assert longest + RESERVE_SECONDS < timeout
    assert parameters["MaxImageBytes"]["MaxValue"] <= 6_000_000, "what InvokeEndpoint takes"
    assert fetch.MAX_REDIRECTS == 3


def test_provisioned_concurrency_is_within_the_reserved(template: dict[str, Any]) -> None:
    """By default, and the alias carries it: on $LATEST it would be refused."""
    parameters = template["Parameters"]
    alias = template["Resources"]["PredictFunctionAliaslive"]["Properties"]

    assert parameters["PredictProvisionedConcurrency"]["Default"] <= parameters["PredictReservedConcurrency"]["Default"]
    assert alias["Name"] == "live"
    assert refers_to(alias["ProvisionedConcurrencyConfig"], "PredictProvisionedConcurrency")
    reserved = template["Resources"]["PredictFunction"]["Properties"]["ReservedConcurrentExecutions"]
    assert refers_to(reserved, "PredictReservedConcurrency")


def test_a_changed_setting_publishes_a_new_version(resources: dict[str, Resource]) -> None:
    """The alias would otherwise go on with the old environment: SAM names a version after its code alone."""
    (version,) = of_type(resources, "AWS::Lambda::Version").values()

    assert refers_to(version["Description"], "SettingsDigest"), "a new description replaces the version"
    assert refers_to(resources["PredictFunction"]["Properties"]["Description"], "SettingsDigest"), (
        "Lambda publishes no second version of an unchanged function"
    )


def test_changed_code_publishes_a_new_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version's logical id follows the content hash in the code's S3 key."""

    def version(uri: str) -> set[str]:
        monkeypatch.setattr(expand_template, "_STAND_IN_URI", uri)
        resources = expand(read_template())["Resources"]
        return {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version"}

    assert version("s3://artifacts/handlers/1.zip") != version("s3://artifacts/handlers/2.zip")


@pytest.mark.parametrize("parameter", ["RetrainSchedule", "SweepSchedule"])
@pytest.mark.parametrize(
    ("expression", "valid"),
    [
        ("rate(1 day)", True), ("rate(5 minutes)", True), ("rate(12 hours)", True), ("cron(0 3 ? * SUN *)", True),
        ("rate(1 days)", False), ("rate(5 minute)", False), ("rate(0 minutes)", False), ("rate(1 week)", False),
        ("1 day", False), ("rate(1.5 hours)", False), ("", False),
    ],
)  # fmt: skip
def test_schedules_are_checked_before_they_are_deployed(
    template: dict[str, Any], parameter: str, expression: str, valid: bool
) -> None:
    """`rate(1 days)` is refused by the Scheduler only, in the middle of a deployment; here by the parameter."""
    declared = template["Parameters"][parameter]

    assert bool(re.fullmatch(declared["AllowedPattern"], expression)) is valid
    assert re.fullmatch(declared["AllowedPattern"], declared["Default"])


def test_retrains_are_off_by_default(template: dict[str, Any]) -> None:
    """A schedule that costs money is switched on by a person."""
    assert template["Parameters"]["RetrainScheduleState"]["Default"] == "DISABLED"
    schedule = template["Resources"]["RetrainSchedulerSchedule"]["Properties"]
    assert schedule["State"] == {"Ref": "RetrainScheduleState"}
    assert json.loads(schedule["Target"]["Input"]) == {"Reason": "schedule"}


def test_rollback_alarms_watch_the_endpoint_in_microseconds(template: dict[str, Any]) -> None:
    """An update rolls back on 5xx and on ModelLatency, which SageMaker reports in microseconds."""
    resources = template["Resources"]
    environment = resources["DeployEndpointFunction"]["Properties"]["Environment"]["Variables"]
    alarms = [ref["Ref"] for ref in environment["ROLLBACK_ALARM_NAMES"]["Fn::Join"][1]]

    assert [resources[name]["Properties"]["MetricName"] for name in alarms] == ["Invocation5XXErrors", "ModelLatency"]
    latency = resources["EndpointLatencyAlarm"]["Properties"]
    assert (latency["Unit"], latency["Threshold"]) == ("Microseconds", {"Ref": "ModelLatencyAlarmMicroseconds"})
    declared = template["Parameters"]["ModelLatencyAlarmMicroseconds"]
    assert declared["Default"] >= 100_000, "a tenth of a second; a smaller default was meant in milliseconds"
    for name in alarms:
        dimensions = {entry["Name"]: entry["Value"] for entry in resources[name]["Properties"]["Dimensions"]}
        assert dimensions["VariantName"] == "AllTraffic"
        assert refers_to(dimensions["EndpointName"], "EndpointName")
    assert template["Parameters"]["CanaryPercent"]["MaxValue"] == 50
    assert template["Parameters"]["TerminationWaitSeconds"]["MinValue"] >= 1


def test_waits_of_a_deployment_fit_into_its_state(template: dict[str, Any]) -> None:
    """The longest canary and termination waits, and half an hour to start instances, end before the state gives up."""
    states = template["Resources"]["StateMachine"]["Properties"]["Definition"]["States"]
    parameters = template["Parameters"]

    waits = parameters["CanaryWaitSeconds"]["MaxValue"] + parameters["TerminationWaitSeconds"]["MaxValue"]
    assert waits + 1800 < states["DeployEndpoint"]["TimeoutSeconds"]
    for state, parameter in (
        ("StartTuningJob", "TuningMaxRuntimeSeconds"),
        ("StartTrainingJob", "TrainingMaxRuntimeSeconds"),
    ):
        assert parameters[parameter]["MaxValue"] < states[state]["TimeoutSeconds"]


def test_states_wait_longer_than_their_functions_run(template: dict[str, Any]) -> None:
    """A state that gave up first would leave its function running unwatched."""
    resources = template["Resources"]

    for name, state in resources["StateMachine"]["Properties"]["Definition"]["States"].items():
        if state["Type"] == "Task":
            function = state["Parameters"]["FunctionName"][2:-1].removesuffix("Arn")
            shortest = template["Parameters"]["ApprovalTimeoutHours"]["MinValue"] * 3600
            assert state.get("TimeoutSeconds", shortest) > resources[function]["Properties"]["Timeout"], name


def test_the_state_machine_is_standard_logged_and_traced(resources: dict[str, Resource]) -> None:
    """Every event with its data is in the log, and X-Ray has the trace."""
    machine = resources["StateMachine"]["Properties"]

    assert machine["StateMachineType"] == "STANDARD"
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", True)
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_every_alarm_tells_someone_and_is_quiet_without_data(resources: dict[str, Resource]) -> None:
    """All alarms end in the topic; one without data does not go off."""
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")

    assert len(alarms) == 11
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "Topic"}], name
        assert alarm["TreatMissingData"] == "notBreaching", name
        assert f"{name}.Arn" in json.dumps(resources["Dashboard"]), f"{name} is not on the dashboard"


def test_every_parameter_is_described_grouped_and_constrained(template: dict[str, Any]) -> None:
    """A person who opens the console's form sees what each value means, and a typing error is refused there."""
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]

    assert sorted(grouped) == sorted(template["Parameters"])
    for name, declared in template["Parameters"].items():
        assert declared["Description"].endswith("."), name
        assert {"AllowedValues", "AllowedPattern", "MinValue"} & set(declared), name
        if declared["Type"] == "Number" and "AllowedValues" not in declared:
            assert declared["MinValue"] <= declared["Default"] <= declared["MaxValue"], name
        if "AllowedPattern" in declared and "Default" in declared:
            assert re.search(declared["AllowedPattern"], declared["Default"]), name


def test_no_partition_is_written_out(resources: dict[str, Resource]) -> None:
    """The template fits China and GovCloud: ARNs take the stack's partition."""
    text = json.dumps(resources | {"StateMachine": read_template()["Resources"]["StateMachine"]})

    assert re.findall(r".{40}arn:aws[a-z-]*:.{20}", text) == []


@pytest.mark.parametrize(
    "suffix", ["us-east-1.amazonaws.com", "us-gov-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn"]
)
def test_images_of_every_partition_are_taken(template: dict[str, Any], suffix: str) -> None:
    """ECR's registries in China end in .amazonaws.com.cn.

    Source: Amazon ECR user guide, "Private registry", and "Amazon Web Services in China, endpoints and ARNs".
    """
    for name in ("TrainingImageUri", "InferenceImageUri"):
        pattern = template["Parameters"][name]["AllowedPattern"]

        assert re.fullmatch(pattern, f"123456789012.dkr.ecr.{suffix}/pytorch-training:2.8.0-cpu-py312")
        assert not re.fullmatch(pattern, f"123456789012.dkr.ecr.{suffix}.example/pytorch-training:2.8.0")


def test_names_of_the_longest_stack_name_fit(resources: dict[str, Resource]) -> None:
    """Every resource named after the stack has a name that its service takes, for a stack name of 40 characters."""
    limits = {"FunctionName": 64, "LayerName": 140, "LogGroupName": 512, "AlarmName": 255, "DashboardName": 255,
              "ModelPackageGroupName": 63, "Name": 64, "RoleName": 64}  # fmt: skip
    named = [
        (kind, value["Fn::Sub"].replace("${AWS::StackName}", "x" * 40))
        for resource in resources.values()
        for kind in limits
        if isinstance(value := resource.get("Properties", {}).get(kind), dict)
        and isinstance(value.get("Fn::Sub"), str)
        and "${AWS::StackName}" in value["Fn::Sub"]
    ]

    assert len(named) > 30
    assert [(kind, name) for kind, name in named if len(name) > limits[kind]] == []
