"""Holds the resource types to CloudFormation's own schemas, as cfn-lint carries them."""

from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from embedded_account.cloudformation.errors import PropertyError, UnsupportedError
from embedded_account.cloudformation.intrinsics import KNOWN_AFTER_APPLY
from embedded_account.cloudformation.resources import resource_type, resource_types
from embedded_account.cloudformation.resources.resource import ResourceType

TYPES = sorted(resource_types())
# Where we differ, and why.
STRICTER = {
    "AWS::DynamoDB::Table": {"KeySchema", "LocalSecondaryIndexes"},  # CloudFormation decides these by their values
    "AWS::Scheduler::Schedule": {"GroupName"},  # the service cannot move a schedule
}
REQUIRED_HERE = {"AWS::DynamoDB::Table": {"AttributeDefinitions"}, "AWS::IAM::Policy": {"Roles"}, "AWS::CloudWatch::Alarm": {"ComparisonOperator", "EvaluationPeriods"}}  # noqa: E501  # fmt: skip
NAMED_HERE = {"QueueName", "TopicName", "Type", "Value", "Name"}


def schema(name: str) -> Any:
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema


def listed(name: str, key: str) -> set[str]:
    """Return the top-level properties that a list of a schema names."""
    return {pointer.split("/")[2] for pointer in schema(name).get(key) or () if pointer.count("/") == 2}


@pytest.mark.parametrize("name", TYPES)
def test_properties_exist_in_cloudformation(name: str) -> None:
    """No property is made up, none that only AWS may set is accepted."""
    kind = resource_types()[name]

    assert set(kind.properties) <= set(schema(name)["properties"]) - (
        listed(name, "readOnlyProperties") - {"TopicName"}
    )


@pytest.mark.parametrize("name", TYPES)
def test_the_same_properties_mean_replacement(name: str) -> None:
    """What CloudFormation replaces, so do we; the few exceptions are stricter."""
    kind = resource_types()[name]

    expected = (listed(name, "createOnlyProperties") | STRICTER.get(name, set())) & set(kind.properties)
    assert kind.replaced_by == expected


@pytest.mark.parametrize("name", TYPES)
def test_the_same_properties_are_required(name: str) -> None:
    """A template that AWS accepts is not refused for a missing property, but for what only we need."""
    kind = resource_types()[name]

    assert kind.required == set(schema(name).get("required") or ()) | REQUIRED_HERE.get(name, set())


@pytest.mark.parametrize("name", TYPES)
def test_attributes_exist_in_cloudformation(name: str) -> None:
    """Fn::GetAtt gives nothing that AWS would refuse."""
    kind = resource_types()[name]

    assert kind.attribute_names <= listed(name, "readOnlyProperties") | NAMED_HERE
    assert not kind.name_property or kind.name_property in kind.replaced_by


def test_an_unknown_type_is_refused_by_name() -> None:
    """The refusal names the type and the resource."""
    with pytest.raises(UnsupportedError, match="type 'AWS::EC2::Instance' of resource 'Server'"):
        resource_type("AWS::EC2::Instance", "Server")


@pytest.mark.parametrize(
    ("type_name", "properties", "words"),
    [
        ("AWS::SNS::Topic", {"Nonsense": 1}, r"property 'Nonsense' of resource 'R' \(AWS::SNS::Topic\)"),
        ("AWS::S3::BucketPolicy", {"Bucket": "b"}, "'PolicyDocument' .* is required and missing"),
        (
            "AWS::S3::Bucket",
            {"LifecycleConfiguration": {"Rules": [{"Odd": 1}]}},
            "R/LifecycleConfiguration/Rules/0/Odd",
        ),
        ("AWS::S3::Bucket", {"NotificationConfiguration": {"TopicConfigurations": []}}, "TopicConfigurations"),
        ("AWS::Events::Rule", {"EventBusName": "mine"}, "R/EventBusName with the value 'mine'"),
        ("AWS::Events::Rule", {"Targets": [{"Id": "a", "Odd": 1}]}, "R/Targets/0/Odd: unknown"),
        ("AWS::Lambda::Function", {"Role": "r", "Code": {"ImageUri": "x"}}, "R/Code/ImageUri"),
        ("AWS::SQS::Queue", {"VisibilityTimeout": "long"}, "R/VisibilityTimeout: 'long'; expected a whole number"),
        ("AWS::SQS::Queue", {"VisibilityTimeout": 1.5}, "expected a whole number"),
        ("AWS::SQS::Queue", {"FifoQueue": "maybe"}, "expected true or false"),
        ("AWS::SQS::Queue", {"Tags": {"Key": "a"}}, "expected a list"),
        ("AWS::IAM::Role", {"AssumeRolePolicyDocument": "{"}, "the text is not JSON"),
        ("AWS::Lambda::Function", {"Role": "r", "Code": "x"}, "expected a mapping"),
        ("AWS::CloudWatch::Alarm", {"ComparisonOperator": "x", "EvaluationPeriods": 1, "Threshold": "x"}, "a number"),
    ],
)
def test_what_a_property_may_not_be_is_named(type_name: str, properties: dict[str, Any], words: str) -> None:
    """The path leads to what is wrong, at any depth."""
    with pytest.raises((PropertyError, UnsupportedError), match=words):
        resource_type(type_name, "R").fit("R", properties)


def test_text_gets_its_real_type() -> None:
    """Parameters are text; what they stand for is not."""
    kind = resource_type("AWS::Lambda::Function", "F")
    given = {
        "Role": "r",
        "Code": {"ZipFile": "x"},
        "MemorySize": "512",
        "Environment": {"Variables": {"A": 1, "B": True}},
        "EphemeralStorage": {"Size": "1024"},
        "Timeout": KNOWN_AFTER_APPLY,
    }

    fitted = kind.fit("F", given)

    assert fitted["MemorySize"] == 512
    assert fitted["Environment"] == {"Variables": {"A": "1", "B": "true"}}
    assert fitted["EphemeralStorage"] == {"Size": 1024}
    assert fitted["Timeout"] == KNOWN_AFTER_APPLY


def test_structures_take_the_spelling_of_the_api() -> None:
    """Step Functions' API begins its names in lower case."""
    kind = resource_type("AWS::StepFunctions::StateMachine", "M")
    logging = {"Level": "ALL", "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": "a"}}]}

    fitted = kind.fit("M", {"RoleArn": "r", "LoggingConfiguration": logging})

    expected = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "a"}}]}
    assert fitted["LoggingConfiguration"] == expected


def test_policies_get_a_version() -> None:
    """SAM's policy templates have none, and IAM refuses a document without."""
    fitted = resource_type("AWS::SQS::QueuePolicy", "P").fit("P", {"Queues": [], "PolicyDocument": {"Statement": []}})

    assert fitted["PolicyDocument"]["Version"] == "2012-10-17"


def test_tags_of_the_stack_do_not_hide_those_of_the_template() -> None:
    """Every type that has tags gets the stack's; a key of the template's own wins."""
    tagged: list[ResourceType] = [kind for kind in resource_types().values() if "Tags" in kind.properties]
    for kind in tagged:
        is_map = kind.name == "AWS::SSM::Parameter"
        own: Any = {"a": "own"} if is_map else [{"Key": "a", "Value": "own"}]

        result = kind.tagged({"Tags": own}, {"a": "stack", "b": "stack"})["Tags"]

        tags = result if is_map else {tag["Key"]: tag["Value"] for tag in result}
        assert tags == {"a": "own", "b": "stack"}
