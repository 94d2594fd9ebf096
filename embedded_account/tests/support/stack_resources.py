"""Templates of a few lines for the tests of resource types."""

import json
from typing import Any

TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
DENY = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """Return a resource of a template."""
    return {"Type": f"AWS::{kind}", "Properties": properties}


def allow(action: str) -> dict[str, Any]:
    """Return a policy document that allows one action on everything."""
    return {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def up(deployer: Any, **resources: Any) -> None:
    """Deploy `resources`; fail with the events of what failed."""
    status = deployer.up({"Resources": resources})
    failures = [item for item in deployer.events() if item["ResourceStatus"].endswith("_FAILED")]
    assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), failures


def function(**properties: Any) -> dict[str, Any]:
    """Return a function that answers 1, with `properties` in place of its own."""
    given = {
        "Handler": "index.handler",
        "Runtime": "python3.11",
        "Role": {"Fn::GetAtt": "Role.Arn"},
        "Code": {"ZipFile": "def handler(event, context):\n    return 1\n"},
        **properties,
    }
    return resource("Lambda::Function", **given)


def answer(deployer: Any, name: str, **options: Any) -> Any:
    """Return what a function answers."""
    return json.load(deployer.aws("lambda").invoke(FunctionName=name, **options)["Payload"])
