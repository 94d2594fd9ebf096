"""Versions, aliases, layers and updates."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.functions import Deployed, archive

NewFunction = Callable[..., Deployed]
OLD, NEW = "def handler(e, c): return 'old'", "def handler(e, c): return 'new'"


def test_alias_serves_old_code_after_an_update(function: NewFunction) -> None:
    """An update changes $LATEST; the alias stays with the version that it names until it is moved.

    Source: Lambda developer guide, "Create an alias for a Lambda function".
    """
    deployed = function(OLD)
    deployed.client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion=deployed.publish())

    deployed.update(NEW)

    live = deployed.invoke(Qualifier="live")
    assert (live.value, live.version) == ("old", "1")
    assert deployed.invoke().value == "new"

    deployed.client.update_alias(FunctionName=deployed.name, Name="live", FunctionVersion=deployed.publish())

    live = deployed.invoke(Qualifier="live")
    assert (live.value, live.version) == ("new", "2")
    assert deployed.invoke(Qualifier="1").value == "old"


def test_handler_sees_the_version_and_the_arn_it_was_called_by(function: NewFunction) -> None:
    """The context names the version that runs, and the alias by which it was called, in every spelling of the name.

    Source: Lambda developer guide, "Using the Lambda context object to retrieve Python function information".
    """
    deployed = function("def handler(e, c): return [c.function_version, c.invoked_function_arn]")
    deployed.client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion=deployed.publish())
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{deployed.name}:live"

    for name in (arn, f"{deployed.name}:live", f"123456789012:function:{deployed.name}:live"):
        assert Deployed(name, deployed.client, deployed.account).invoke().value == ["1", arn]


def test_configuration_of_a_version_does_not_change(function: NewFunction) -> None:
    """Environment variables of a published version stay; $LATEST has the new ones at its next invocation.

    Source: Lambda developer guide, "Manage Lambda function versions".
    """
    deployed = function(
        "import os\ndef handler(e, c): return os.environ['COLOUR']", Environment={"Variables": {"COLOUR": "red"}}
    )
    version = deployed.publish()
    assert deployed.invoke().value == "red"

    deployed.client.update_function_configuration(
        FunctionName=deployed.name, Environment={"Variables": {"COLOUR": "blue"}}
    )

    assert deployed.invoke().value == "blue"
    assert deployed.invoke(Qualifier=version).value == "red"


def test_publishing_without_a_change_gives_the_same_version(function: NewFunction) -> None:
    """A version is made only when the function was updated since the last one.

    Source: Lambda developer guide, "Manage Lambda function versions".
    """
    deployed = function(OLD)

    assert [deployed.publish(), deployed.publish()] == ["1", "1"]
    deployed.update(NEW)
    assert [deployed.publish(), deployed.publish()] == ["2", "2"]


@pytest.mark.parametrize(
    "update",
    [
        lambda deployed: deployed.update(OLD),
        lambda deployed: deployed.client.update_function_configuration(
            FunctionName=deployed.name, Description="only its description"
        ),
        lambda deployed: deployed.client.update_function_configuration(FunctionName=deployed.name),
    ],
    ids=["the same code", "another description", "no setting"],
)
def test_every_update_makes_publishing_give_a_new_version(
    function: NewFunction, update: Callable[[Deployed], object]
) -> None:
    """The revision decides, which every update of code or configuration changes, whatever it says.

    Source: Lambda API reference, PublishVersion; what AWS does is recorded in moto's tests of publish_version.
    """
    deployed = function(OLD)
    assert deployed.publish() == "1"

    update(deployed)

    assert [deployed.publish(), deployed.publish()] == ["2", "2"]


def test_a_dry_run_makes_no_new_version(function: NewFunction) -> None:
    """What changes nothing leaves the revision, and so the version.

    Source: Lambda API reference, UpdateFunctionCode.
    """
    deployed = function(OLD)
    deployed.publish()

    deployed.client.update_function_code(FunctionName=deployed.name, ZipFile=archive({"app.py": NEW}), DryRun=True)

    assert deployed.publish() == "1"


def test_number_of_a_deleted_version_is_not_used_again(function: NewFunction) -> None:
    """Versions count on.

    Source: Lambda developer guide, "Manage Lambda function versions".
    """
    deployed = function(OLD)
    deployed.client.delete_function(FunctionName=deployed.name, Qualifier=deployed.publish())

    assert deployed.publish() == "2"


def test_version_under_an_alias_cannot_be_deleted(function: NewFunction) -> None:
    """The alias has to go first.

    Source: Lambda developer guide, "Create an alias for a Lambda function".
    """
    deployed = function(OLD)
    deployed.client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion=deployed.publish())

    with pytest.raises(ClientError, match="ResourceConflictException"):
        deployed.client.delete_function(FunctionName=deployed.name, Qualifier="1")


def test_alias_weights_share_the_traffic(function: NewFunction) -> None:
    """A weighted alias sends its share to the second version.

    Source: Lambda developer guide, "Implement Lambda canary deployments using a weighted alias".
    """
    deployed = function(OLD)
    first = deployed.publish()
    deployed.update(NEW)
    second = deployed.publish()
    weights = {"AdditionalVersionWeights": {second: 0.5}}
    deployed.client.create_alias(
        FunctionName=deployed.name, Name="canary", FunctionVersion=first, RoutingConfig=weights
    )

    answers = [deployed.invoke(Qualifier="canary").value for _ in range(40)]

    assert set(answers) == {"old", "new"}


def test_alias_needs_a_version_that_exists(function: NewFunction) -> None:
    """Neither a new nor a moved alias may point to nothing.

    Source: Lambda developer guide, "Create an alias for a Lambda function".
    """
    deployed = function(OLD)

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        deployed.client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion="9")


def test_function_is_described_as_active(function: NewFunction) -> None:
    """The waiters of boto3 end, and a description has what CloudFormation and the SDKs read.

    Source: Lambda API reference, GetFunctionConfiguration.
    """
    deployed = function(OLD, Description="says old", Tags={"team": "a"})
    deployed.client.get_waiter("function_active_v2").wait(FunctionName=deployed.name)
    deployed.client.get_waiter("function_updated_v2").wait(FunctionName=deployed.name)

    described = deployed.client.get_function(FunctionName=deployed.name)

    configuration = described["Configuration"]
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert configuration["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{deployed.name}"
    assert configuration["RevisionId"]
    assert described["Tags"] == {"team": "a"}
    assert "VpcConfig" not in configuration


def test_second_function_of_a_name_is_refused(function: NewFunction) -> None:
    """A name is taken once.

    Source: Lambda API reference, CreateFunction.
    """
    deployed = function(OLD)

    with pytest.raises(ClientError, match="ResourceConflictException"):
        deployed.client.create_function(
            FunctionName=deployed.name,
            Runtime="python3.11",
            Handler="app.handler",
            Role="arn:aws:iam::123456789012:role/tester",
            Code={"ZipFile": archive({"app.py": OLD})},
        )


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"Runtime": "nodejs20.x"}, "nodejs20.x"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "VpcConfig"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
        ({"LoggingConfig": {"LogFormat": "JSON"}}, "LogFormat"),
        ({"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/x"}}}, "AWS_LAMBDA_EXEC_WRAPPER"),
    ],
)
def test_setting_that_cannot_be_honoured_is_refused_by_name(
    aws: Callable[[str], Any], function: NewFunction, settings: dict[str, Any], word: str
) -> None:
    """Nothing is accepted that would have no effect."""
    deployed = function(OLD)

    with pytest.raises(ClientError, match=rf"NotImplemented.*{word}"):
        deployed.client.update_function_configuration(FunctionName=deployed.name, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Timeout": 901}, "between 1 and 900"),
        ({"MemorySize": 20_000}, "between 128 and 10240"),
        ({"Environment": {"Variables": {"LONG": "y" * 4096}}}, "exceeded the 4KB limit. Measured: 4107 bytes"),
        ({"Environment": {"Variables": {"AWS_REGION": "eu-west-1"}}}, "Reserved keys used in this request: AWS_REGION"),
        ({"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:none:1"]}, "ResourceNotFoundException"),
    ],
)
def test_setting_beyond_lambdas_limits_is_refused(
    function: NewFunction, settings: dict[str, Any], message: str
) -> None:
    """What would fail at the deployment to AWS fails here.

    Source: Lambda developer guide, "Lambda quotas".
    """
    deployed = function(OLD)

    with pytest.raises(ClientError, match=message):
        deployed.client.update_function_configuration(FunctionName=deployed.name, **settings)


def test_operation_that_is_not_carried_out_is_refused_by_name(aws: Callable[[str], Any]) -> None:
    """A pretended success would be worse."""
    with pytest.raises(ClientError, match=r"NotImplemented.*lambda:CreateCodeSigningConfig"):
        aws("lambda").create_code_signing_config(
            AllowedPublishers={
                "SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/v"]
            }
        )


def test_deleted_function_is_gone(function: NewFunction) -> None:
    """After DeleteFunction neither the function nor its alias answers.

    Source: Lambda API reference, DeleteFunction.
    """
    deployed = function(OLD)
    deployed.client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion=deployed.publish())
    deployed.invoke(Qualifier="live")

    deployed.client.delete_function(FunctionName=deployed.name)

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        deployed.invoke(Qualifier="live")


def test_permission_is_added_shown_and_removed(function: NewFunction) -> None:
    """A function's resource policy is kept.

    Source: Lambda API reference, AddPermission.
    """
    deployed = function(OLD)
    deployed.client.add_permission(
        FunctionName=deployed.name,
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn="arn:aws:events:us-east-1:123456789012:rule/r",
    )

    with pytest.raises(ClientError, match="ResourceConflictException"):
        deployed.client.add_permission(
            FunctionName=deployed.name,
            StatementId="events",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
        )
    assert '"Sid": "events"' in deployed.client.get_policy(FunctionName=deployed.name)["Policy"]
    deployed.client.remove_permission(FunctionName=deployed.name, StatementId="events")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        deployed.client.get_policy(FunctionName=deployed.name)


@pytest.mark.parametrize("principal", ["role/not-there", "user/not-there"])
def test_permission_for_nobody_is_refused(function: NewFunction, principal: str) -> None:
    """Lambda keeps the id of who is meant, so it has to be there. Source: Lambda API reference, AddPermission."""
    deployed = function(OLD)

    with pytest.raises(ClientError, match=r"\(InvalidParameterValueException\).*provided principal was invalid"):
        deployed.client.add_permission(
            FunctionName=deployed.name,
            StatementId="nobody",
            Action="lambda:InvokeFunction",
            Principal=f"arn:aws:iam::123456789012:{principal}",
        )

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        deployed.client.get_policy(FunctionName=deployed.name)


def test_lists_come_in_pages(function: NewFunction) -> None:
    """MaxItems bounds a page, and its NextMarker begins the next.

    Source: Lambda API reference, ListVersionsByFunction.
    """
    made = function("def handler(event, context):\n    return 1\n")
    made.publish()
    made.update("def handler(event, context):\n    return 2\n")
    made.publish()

    first = made.client.list_versions_by_function(FunctionName=made.name, MaxItems=2)
    rest = made.client.list_versions_by_function(FunctionName=made.name, Marker=first["NextMarker"])

    assert [one["Version"] for one in first["Versions"]] == ["$LATEST", "1"]
    assert [one["Version"] for one in rest["Versions"]] == ["2"]
    assert "NextMarker" not in rest
    with pytest.raises(ClientError, match="Marker"):
        made.client.list_versions_by_function(FunctionName=made.name, Marker="nonsense")


def test_lists_of_versions_have_the_arn_of_each(function: NewFunction) -> None:
    """$LATEST, too, has its qualifier in a list of versions, and none in a list of functions."""
    made = function("def handler(event, context):\n    return 1\n")
    made.publish()
    arn = made.client.get_function_configuration(FunctionName=made.name)["FunctionArn"]

    versions = made.client.list_versions_by_function(FunctionName=made.name)["Versions"]
    pages = made.client.get_paginator("list_functions")
    of_all = [one for page in pages.paginate(FunctionVersion="ALL") for one in page["Functions"]]
    functions = [one for page in pages.paginate() for one in page["Functions"]]

    assert [one["FunctionArn"] for one in versions] == [f"{arn}:$LATEST", f"{arn}:1"]
    assert [one["FunctionArn"] for one in of_all if one["FunctionName"] == made.name] == [f"{arn}:$LATEST", f"{arn}:1"]
    assert [one["FunctionArn"] for one in functions if one["FunctionName"] == made.name] == [arn]


def test_the_runtime_is_changed_by_an_update(function: NewFunction) -> None:
    """UpdateFunctionConfiguration changes the runtime, which the function is told at its next start."""
    made = function("import os\ndef handler(event, context):\n    return os.environ['AWS_EXECUTION_ENV']\n")

    answer = made.client.update_function_configuration(FunctionName=made.name, Runtime="python3.10")

    assert answer["Runtime"] == "python3.10"
    assert made.invoke().value == "AWS_Lambda_python3.10"


def test_the_architecture_is_changed_with_the_code(function: NewFunction) -> None:
    """UpdateFunctionCode changes the architecture of $LATEST, and keeps it where none is given."""
    source = "def handler(event, context):\n    return 1\n"
    made = function(source)

    code = {"ZipFile": archive({"app.py": source})}
    answer = made.client.update_function_code(FunctionName=made.name, **code, Architectures=["arm64"])
    made.update(source)

    assert answer["Architectures"] == ["arm64"]
    assert made.client.get_function_configuration(FunctionName=made.name)["Architectures"] == ["arm64"]


@pytest.mark.parametrize("runtime", ["python3.9", "python3.11", "python3.14"])
def test_a_function_is_told_its_own_runtime(function: NewFunction, runtime: str) -> None:
    """Whichever Python the account runs on, variables and a layer's folder are those of the function's runtime.

    Source: Lambda developer guide, "Packaging your layer content".
    """
    names = ("python3.9", "python3.11", "python3.14")
    places = {f"python/lib/{name}/site-packages/whose.py": f"name = {name!r}" for name in names}
    layer = function("").client.publish_layer_version(
        LayerName=f"of-{runtime.replace('.', '-')}", Content={"ZipFile": archive(places)}
    )["LayerVersionArn"]
    source = "import os, whose\ndef handler(e, c): return [whose.name, os.environ['AWS_EXECUTION_ENV']]"

    answer = function(source, Runtime=runtime, Layers=[layer]).invoke()

    assert answer.value == [runtime, f"AWS_Lambda_{runtime}"]


def test_aliases_and_layers_are_paged_too(function: NewFunction) -> None:
    """And chosen: aliases by their version, layers by what they are for.

    Source: Lambda API reference, ListAliases, ListLayers and ListLayerVersions.
    """
    made = function("def handler(e, c): return 1")
    for name, version in (("b", made.publish()), ("a", "$LATEST"), ("c", "1")):
        made.client.create_alias(FunctionName=made.name, Name=name, FunctionVersion=version)
    content = {"ZipFile": archive({"python/part.py": "x = 1"})}
    for runtime in ("python3.11", "python3.12"):
        made.client.publish_layer_version(LayerName=made.name, Content=content, CompatibleRuntimes=[runtime])

    first = made.client.list_aliases(FunctionName=made.name, MaxItems=2)
    rest = made.client.list_aliases(FunctionName=made.name, Marker=first["NextMarker"])
    of_one = made.client.list_aliases(FunctionName=made.name, FunctionVersion="1")
    newest = made.client.list_layer_versions(LayerName=made.name, MaxItems=1)
    older = made.client.list_layer_versions(LayerName=made.name, CompatibleRuntime="python3.11")

    assert [[alias["Name"] for alias in answer["Aliases"]] for answer in (first, rest, of_one)] == [
        ["a", "b"],
        ["c"],
        ["b", "c"],
    ]
    assert "NextMarker" not in rest
    assert ([one["Version"] for one in newest["LayerVersions"]], newest["NextMarker"]) == ([2], "1")
    assert [one["Version"] for one in older["LayerVersions"]] == [1]
    assert made.client.list_layers(MaxItems=1)["Layers"]


def test_older_runtime_knows_no_newer_syntax(function: NewFunction) -> None:
    """Code that AWS could not compile fails here too. Source: Lambda developer guide, "Lambda runtimes"."""
    source = "def handler(event, context):\n    match event:\n        case _:\n            return 1\n"

    assert function(source, Runtime="python3.10").invoke().value == 1
    refused = function(source, Runtime="python3.9").invoke()

    assert (refused.error, refused.value["errorType"]) == ("Unhandled", "Runtime.UserCodeSyntaxError")


def test_function_has_one_name_in_many_forms(function: NewFunction) -> None:
    """ARNs, partial ARNs and names lead to it. Source: Lambda API reference, Invoke, FunctionName."""
    deployed = function("def handler(event, context):\n    return 1\n")
    number, arn = "123456789012", f"arn:aws:lambda:us-east-1:123456789012:function:{deployed.name}"
    forms = [deployed.name, arn, f"{arn}:$LATEST", f"{number}:function:{deployed.name}", f"{number}:{deployed.name}"]

    assert [deployed.client.invoke(FunctionName=form)["StatusCode"] for form in forms] == [200] * len(forms)


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:{}",
            r"\(ResourceNotFoundException\).*'eu-west-1' are not reachable in this region \('us-east-1'\)",
        ),
        ("arn:aws:lambda:us-east-1:111122223333:function:{}", r"\(AccessDeniedException\)"),
    ],
)
def test_function_of_another_place_is_not_this_one(function: NewFunction, arn: str, words: str) -> None:
    """A region or an account that is mistaken in an ARN is told, not overlooked."""
    deployed = function("def handler(event, context):\n    return 1\n")

    for operation in ("invoke", "get_function", "get_policy"):
        with pytest.raises(ClientError, match=words):
            getattr(deployed.client, operation)(FunctionName=arn.format(deployed.name))


def test_publishing_another_revision_is_refused(function: NewFunction) -> None:
    """Source: Lambda API reference, PublishVersion, RevisionId."""
    deployed = function("def handler(event, context):\n    return 1\n")

    with pytest.raises(ClientError, match=r"\(PreconditionFailedException\).*latest RevisionId"):
        deployed.client.publish_version(FunctionName=deployed.name, RevisionId="00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize(
    ("version", "weights", "words"),
    [
        ("1", {"1": 0.5}, "already included in routing configuration"),
        ("1", {"2": 0.1, "3": 0.1}, "cannot be greater than 1"),
        ("1", {"9": 0.5}, "ResourceNotFoundException"),
        ("$LATEST", {"1": 0.5}, "not supported for an alias pointing to more than 1 version"),
    ],
)
def test_alias_shares_with_one_other_version(
    function: NewFunction, version: str, weights: dict[str, float], words: str
) -> None:
    """Source: Lambda developer guide, "Implementing Lambda canary deployments using a weighted alias"."""
    deployed = function(OLD)
    deployed.publish()

    with pytest.raises(ClientError, match=words):
        deployed.client.create_alias(
            FunctionName=deployed.name,
            Name="live",
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )


def test_version_that_an_alias_shares_with_cannot_be_deleted(function: NewFunction) -> None:
    """It would be asked for. Source: Lambda API reference, DeleteFunction: ResourceConflictException."""
    deployed = function(OLD)
    deployed.publish()
    deployed.update(NEW)
    shared = deployed.publish()
    routing = {"AdditionalVersionWeights": {shared: 0.5}}
    deployed.client.create_alias(FunctionName=deployed.name, Name="live", FunctionVersion="1", RoutingConfig=routing)

    with pytest.raises(ClientError, match="ResourceConflictException"):
        deployed.client.delete_function(FunctionName=deployed.name, Qualifier=shared)


def test_invocation_of_no_known_type_is_refused(function: NewFunction) -> None:
    """Nothing runs. Source: Lambda API reference, Invoke, InvocationType."""
    deployed = function(OLD)

    with pytest.raises(ClientError, match=r"\(ValidationException\).*enum value set: \[Event"):
        deployed.client.invoke(FunctionName=deployed.name, InvocationType="Sometimes")
