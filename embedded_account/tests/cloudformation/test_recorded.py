"""Compares change sets, stacks and events with what AWS answered to the same steps, as others recorded it."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "aws-recorded" / "test_change_sets.json"
SCENARIO = "::TestCaptureUpdateProcess::test_"
# AWS says this between the two; the recordings leave it out.
UNRECORDED = {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}
# Asked without values, AWS lists every user of a changed resource, though nothing of it will change; we never do.
DIFFERENT = {("unrelated_changes_update_propagation", "describe-change-set-2")}


def topic(name: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}


def parameter(value: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **more}}


def declared(name: str) -> dict[str, Any]:
    return {"Parameters": {name: {"Type": "String"}}}


NAME = {"Fn::GetAtt": ["Foo", "TopicName"]}
BY_KEY = {"Mappings": {"Names": {f"key{index}": {"Name": f"topic-name-{index}"} for index in (1, 2)}}}
BY_PARAMETER = {"Foo": topic({"Fn::FindInMap": ["Names", {"Ref": "TopicName"}, "Name"]}), "Parameter": parameter(NAME)}


def static_mapping(index: int) -> dict[str, Any]:
    names = {"Mappings": {"Names": {"Foo": {"Name": f"topic-name-{index}"}}}}
    lookup = {"Fn::FindInMap": ["Names", "Foo", "Name"]}
    return {**names, "Resources": {"Foo": topic(lookup), "Parameter": parameter(NAME)}}


CONDITIONAL = {
    **declared("EnvironmentType"),
    "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "EnvironmentType"}, "prod"]}},
    "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}, "Parameter": {**parameter("test"), "Condition": "IsProd"}},
}
SECOND = {
    **declared("ParameterValue"),
    "Conditions": {"Second": {"Fn::Equals": [{"Ref": "ParameterValue"}, "value-2"]}},
    "Resources": {"SSMParameter1": parameter("first"), "SSMParameter2": {**parameter("first"), "Condition": "Second"}},
}
# Name of the recording -> template and parameters of the first, and of the second deployment.
SCENARIOS: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, Any], dict[str, str]]] = {
    "direct_update": ({"Resources": {"Foo": topic("topic-1")}}, {}, {"Resources": {"Foo": topic("topic-2")}}, {}),
    "dynamic_update": (
        {"Resources": {"Foo": topic("topic-1"), "Parameter": parameter(NAME)}},
        {},
        {"Resources": {"Foo": topic("topic-2"), "Parameter": parameter(NAME)}},
        {},
    ),
    "parameter_changes": (
        {**declared("TopicName"), "Resources": {"Foo": topic({"Ref": "TopicName"}), "Parameter": parameter(NAME)}},
        {"TopicName": "topic-1"},
        {**declared("TopicName"), "Resources": {"Foo": topic({"Ref": "TopicName"}), "Parameter": parameter(NAME)}},
        {"TopicName": "topic-2"},
    ),
    "mappings_with_static_fields": (static_mapping(1), {}, static_mapping(2), {}),
    "mappings_with_parameter_lookup": (
        {**declared("TopicName"), **BY_KEY, "Resources": BY_PARAMETER},
        {"TopicName": "key1"},
        {**declared("TopicName"), **BY_KEY, "Resources": BY_PARAMETER},
        {"TopicName": "key2"},
    ),
    "conditions": (CONDITIONAL, {"EnvironmentType": "not-prod"}, CONDITIONAL, {"EnvironmentType": "prod"}),
    "base_dynamic_parameter_scenarios[change_dynamic]": (
        {**declared("ParameterValue"), "Resources": {"Parameter": parameter({"Ref": "ParameterValue"})}},
        {"ParameterValue": "value-1"},
        {**declared("ParameterValue"), "Resources": {"Parameter": parameter({"Ref": "ParameterValue"})}},
        {"ParameterValue": "value-2"},
    ),
    "base_dynamic_parameter_scenarios[change_parameter_for_condition_create_resource]": (
        SECOND,
        {"ParameterValue": "value-1"},
        SECOND,
        {"ParameterValue": "value-2"},
    ),
    "unrelated_changes_requires_replacement": (
        {
            "Resources": {
                "Parameter1": parameter("value", Name="parameter-1-name"),
                "Parameter2": parameter({"Fn::GetAtt": ["Parameter1", "Value"]}),
            }
        },
        {},
        {
            "Resources": {
                "Parameter1": parameter("value", Name="parameter-2-name"),
                "Parameter2": parameter({"Fn::GetAtt": ["Parameter1", "Value"]}),
            }
        },
        {},
    ),
    "unrelated_changes_update_propagation": (
        {
            "Resources": {
                "Parameter1": parameter("topic-name", Description="original"),
                "Parameter2": parameter({"Fn::GetAtt": ["Parameter1", "Value"]}),
            }
        },
        {},
        {
            "Resources": {
                "Parameter1": parameter("topic-name", Description="changed"),
                "Parameter2": parameter({"Fn::GetAtt": ["Parameter1", "Value"]}),
            }
        },
        {},
    ),
}


@pytest.mark.skipif(not RECORDED.is_file(), reason="the corpora are not beside this checkout")
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_steps_give_what_aws_gave(deployer: Any, name: str) -> None:
    """Both change sets, with and without values, the stack after each step, and each resource's events."""
    recordings = json.loads(RECORDED.read_text(encoding="utf-8"))
    recorded = next(item for key, item in recordings.items() if key.endswith(SCENARIO + name))["recorded-content"]
    first, first_parameters, second, second_parameters = SCENARIOS[name]
    options = {"Capabilities": recorded["describe-change-set-1"].get("Capabilities", [])}

    given: dict[str, Any] = {}
    for step, document, parameters in (("1", first, first_parameters), ("2", second, second_parameters)):
        described = deployer.change_set(document, parameters, **options)
        where = {"ChangeSetName": described["ChangeSetId"]}
        given[f"describe-change-set-{step}"] = described
        values = deployer.client.describe_change_set(**where, IncludePropertyValues=True)
        given[f"describe-change-set-{step}-prop-values"] = values
        deployer.stack_id = described["StackId"]
        deployer.client.execute_change_set(**where)
        deployer.wait()
        given[f"post-create-{step}-describe"] = deployer.stack
    deployer.down()
    given["delete-describe"] = deployer.stack

    for key, answer in given.items():
        if (name, key) not in DIFFERENT:
            assert plain(answer, deployer) == plain(recorded[key], deployer), key
    for logical_id, events in recorded["per-resource-events"].items():
        own = deployer.events(deployer.name if logical_id == "Stack" else logical_id)
        told, expected = history(own, deployer), history(events, deployer)
        if name.startswith("unrelated"):  # recorded up to the deletion, and with the first id of each status
            told, expected = [status for status, _ in told][: len(expected)], [status for status, _ in expected]
        assert told == expected, logical_id


def history(events: list[dict[str, Any]], deployer: Any) -> list[Any]:
    """Return status and physical id of each event; of equal statuses in a row the last."""
    told: list[Any] = []
    for event in plain(events, deployer):
        if told and told[-1][0] == event["ResourceStatus"]:
            told.pop()
        if event["ResourceStatus"] not in UNRECORDED:
            told.append((event["ResourceStatus"], event["PhysicalResourceId"]))
    return told


def plain(value: Any, deployer: Any) -> Any:
    """Return an answer without what differs from one run to the next, and without order where AWS has none."""
    if isinstance(value, dict):
        kept = {key: plain(item, deployer) for key, item in value.items() if key != "ResponseMetadata"}
        if "Details" in kept:
            kept["Details"] = sorted(kept["Details"], key=lambda item: json.dumps(item, sort_keys=True))
        return kept
    if isinstance(value, list):
        return [plain(item, deployer) for item in value]
    if isinstance(value, datetime) or value in ("datetime", "timestamp"):
        return "*time*"
    return plain_text(value, deployer) if isinstance(value, str) else value


def plain_text(text: str, deployer: Any) -> Any:
    if text.startswith('{"Properties"'):
        return json.loads(text)
    text = text.replace("<partition>", "aws").replace("<region>", "us-east-1").replace("111111111111", "123456789012")
    text = re.sub(r"stack/[^/]+/[^/]+$", "stack/*", text)
    text = re.sub(r"changeSet/.+$", "changeSet/*", text)
    text = re.sub(r"(CFN-\w+-)[A-Za-z0-9]{12}$", r"\1*", text)
    text = re.sub(r"^.*-bucket-[a-z0-9]{12}$", "*-bucket-*", text)
    return "*name*" if re.fullmatch(rf"<.*>|{deployer.name}|c-[0-9a-f]{{8}}", text) else text
