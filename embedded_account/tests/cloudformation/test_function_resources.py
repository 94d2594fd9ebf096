"""Tests of roles, functions, versions and layers: what a stack creates, changes and deletes really is so."""

import io
import zipfile
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from support.stack_resources import ROLE, TRUST, allow, answer, function, resource, up


def test_roles_and_policies(deployer: Any) -> None:
    """Inline and managed policies follow the template; deleting a role takes them off first."""
    iam = deployer.aws("iam")
    managed = resource("IAM::ManagedPolicy", PolicyDocument=allow("s3:GetObject"), Roles=[{"Ref": "Role"}])
    extra = resource("IAM::Policy", PolicyName="extra", PolicyDocument=allow("sqs:*"), Roles=[{"Ref": "Role"}])
    role = resource(
        "IAM::Role",
        AssumeRolePolicyDocument=TRUST,
        Policies=[
            {"PolicyName": "a", "PolicyDocument": allow("a:B")},
            {"PolicyName": "b", "PolicyDocument": allow("b:C")},
        ],
    )
    up(deployer, Role=role, Managed=managed, Extra=extra)
    name, arn = deployer.physical_id("Role"), deployer.physical_id("Managed")

    assert sorted(iam.list_role_policies(RoleName=name)["PolicyNames"]) == ["a", "b", "extra"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [item["PolicyArn"] for item in attached] == [arn]

    role = resource(
        "IAM::Role",
        AssumeRolePolicyDocument=TRUST,
        Description="changed",
        MaxSessionDuration="7200",
        Policies=[{"PolicyName": "a", "PolicyDocument": allow("a:Changed")}],
        Tags=[{"Key": "k", "Value": "v"}],
    )
    managed["Properties"]["PolicyDocument"] = allow("s3:PutObject")
    up(deployer, Role=role, Managed=managed)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["a"]
    document = iam.get_role_policy(RoleName=name, PolicyName="a")["PolicyDocument"]
    assert document["Statement"][0]["Action"] == "a:Changed"
    changed = iam.get_role(RoleName=name)["Role"]
    assert (changed["Description"], changed["MaxSessionDuration"]) == ("changed", 7200)
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    current = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert current["Statement"][0]["Action"] == "s3:PutObject"

    assert deployer.down() == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=name)


def test_public_url_of_a_sam_function_lets_anybody_in(deployer: Any) -> None:
    """SAM gives a URL of AuthType NONE both permissions; with AWS_IAM they go, and nobody unsigned comes in.

    Source: SAM developer guide, FunctionUrlConfig; Lambda developer guide, "Control access to Lambda function URLs".
    """

    def template(auth_type: str) -> dict[str, Any]:
        code = {"InlineCode": "def handler(event, context):\n    return 'hello'\n", "Handler": "index.handler"}
        settings = {"Runtime": "python3.11", "Role": {"Fn::GetAtt": "Role.Arn"}}
        made = resource("Serverless::Function", **code, **settings, FunctionUrlConfig={"AuthType": auth_type})
        return {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Role": ROLE, "F": made}}

    assert deployer.up(template("NONE")) == "CREATE_COMPLETE"
    name = deployer.physical_id("F")
    url = deployer.aws("lambda").get_function_url_config(FunctionName=name)["FunctionUrl"]
    with urlopen(url, timeout=20) as response:
        assert response.read() == b"hello"

    assert deployer.up(template("AWS_IAM")) == "UPDATE_COMPLETE"
    with pytest.raises(HTTPError, match="403"):
        urlopen(url, timeout=20)


def test_function_version_and_alias(deployer: Any) -> None:
    """A version is published after the code was updated, the alias moves to it, and the old version stays."""
    client = deployer.aws("lambda")

    def sam(body: str, **properties: Any) -> dict[str, Any]:
        given = {"InlineCode": f"def handler(event, context):\n    return {body}\n", **properties}
        given |= {"Handler": "index.handler", "Runtime": "python3.11", "AutoPublishAlias": "live"}
        retries = {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60}
        given |= {"EventInvokeConfig": retries, "Role": {"Fn::GetAtt": "Role.Arn"}}
        function = resource("Serverless::Function", **given)
        return {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Role": ROLE, "F": function}}

    deployer.up(sam("'one'", ReservedConcurrentExecutions=2, Environment={"Variables": {"AN": 1}}))
    name = deployer.physical_id("F")
    assert answer(deployer, name, Qualifier="live") == "one"
    assert client.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 2}
    config = client.get_function_event_invoke_config(FunctionName=name, Qualifier="live")
    assert config["MaximumRetryAttempts"] == 1

    warm = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1}}
    assert deployer.up(sam("'two'", MemorySize=256, ReservedConcurrentExecutions=2, **warm)) == "UPDATE_COMPLETE"
    assert answer(deployer, name, Qualifier="live") == "two"
    assert answer(deployer, name, Qualifier="1") == "one"
    configuration = client.get_function_configuration(FunctionName=name)
    assert configuration["MemorySize"] == 256
    assert configuration.get("Environment", {}).get("Variables", {}) == {}
    provisioned = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert provisioned["Status"] == "READY"

    assert deployer.up(sam("'two'", MemorySize=256)) == "UPDATE_COMPLETE"
    assert "Concurrency" not in client.get_function(FunctionName=name)
    with pytest.raises(ClientError, match="ProvisionedConcurrencyConfigNotFound"):
        client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert deployer.down() == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_function(FunctionName=name)


def test_layer_and_code_in_s3(deployer: Any) -> None:
    """A changed layer is published as another version, which the function takes; the old version is deleted."""
    s3, client = deployer.aws("s3"), deployer.aws("lambda")
    bucket = f"{deployer.name}-code"
    s3.create_bucket(Bucket=bucket)
    code = "import shared\n\n\ndef handler(event, context):\n    return shared.VALUE\n"
    files = {"f.zip": {"index.py": code}, "1.zip": {"python/shared.py": "VALUE = 1\n"}}
    files["2.zip"] = {"python/shared.py": "VALUE = 2\n"}
    for key, members in files.items():
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        s3.put_object(Bucket=bucket, Key=key, Body=body.getvalue())

    def resources(key: str) -> dict[str, Any]:
        content = {"S3Bucket": bucket, "S3Key": key}
        runtimes = ["python3.11"]
        layer = resource("Lambda::LayerVersion", LayerName=deployer.name, Content=content, CompatibleRuntimes=runtimes)
        user = function(Code={"S3Bucket": bucket, "S3Key": "f.zip"}, Layers=[{"Ref": "Layer"}])
        return {"Role": ROLE, "Layer": layer, "Function": user}

    up(deployer, **resources("1.zip"))
    name = deployer.physical_id("Function")
    assert answer(deployer, name) == 1
    up(deployer, **resources("2.zip"))

    assert answer(deployer, name) == 2
    versions = client.list_layer_versions(LayerName=deployer.name)["LayerVersions"]
    assert [item["Version"] for item in versions] == [2]
    url = resource("Lambda::Url", AuthType="NONE", InvokeMode="RESPONSE_STREAM", TargetFunctionArn={"Ref": "Function"})
    assert deployer.up({"Resources": {**resources("2.zip"), "Url": url}}) == "UPDATE_ROLLBACK_COMPLETE"
    reason = deployer.events("Url")[-1]["ResourceStatusReason"]
    assert "InvokeMode: 'RESPONSE_STREAM'" in reason
