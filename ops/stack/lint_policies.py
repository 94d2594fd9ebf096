"""What parliament finds in the template's policies, but for what ACCEPTED gives a reason for:

    python -m ops.stack.lint_policies

Exit code 1 with a line for each finding; a reason that nothing needs any more is a finding too.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from ops.stack.expand_template import expand, read_template

# What is accepted, as a pattern of the finding, and why.
ACCEPTED = {
    r"MISMATCH: \[\{'action': 'states:SendTask": "a state machine's ARN narrows them, though AWS's reference has none",
    r"MISMATCH: \[\{'action': 'states:DescribeExecution'": "parliament knows the ARN of express executions alone",
    r"STAR: \['cloudwatch:DescribeAlarms'\]": "the alarms of target tracking are named by AWS",
}
_ACCOUNT = "arn:aws:{service}:us-east-1:123456789012:{name}"
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "retriever",
    "AWS::URLSuffix": "amazonaws.com",
    # What the template cuts out of an image's URI and of S3 URIs.
    "Account": "123456789012",
    "Object": "bucket/key",
    "Prefix": "bucket/prefix",
}
_ARNS = {
    "AWS::DynamoDB::Table": _ACCOUNT.format(service="dynamodb", name="table/x"),
    "AWS::IAM::Role": "arn:aws:iam::123456789012:role/x",
    "AWS::KMS::Key": _ACCOUNT.format(service="kms", name="key/x"),
    "AWS::Lambda::Function": _ACCOUNT.format(service="lambda", name="function:x"),
    "AWS::Logs::LogGroup": _ACCOUNT.format(service="logs", name="log-group:x:*"),
    "AWS::S3::Bucket": "arn:aws:s3:::x",
    "AWS::SageMaker::ModelPackageGroup": _ACCOUNT.format(service="sagemaker", name="model-package-group/x"),
    "AWS::SNS::Topic": _ACCOUNT.format(service="sns", name="x"),
    "AWS::SQS::Queue": _ACCOUNT.format(service="sqs", name="x"),
    "AWS::StepFunctions::StateMachine": _ACCOUNT.format(service="states", name="stateMachine:x"),
}
_IS_ARN = {"AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"}  # what Ref gives for them


def findings(template: Mapping[str, Any]) -> list[str]:
    """Return a line `role: what: where` for each finding in the policies of an expanded template."""
    with warnings.catch_warnings(action="ignore"):  # it imports pkg_resources
        from parliament import analyze_policy_string

    kinds = {name: resource["Type"] for name, resource in template["Resources"].items()}
    lines = []
    for name, document in policies(template):
        policy = analyze_policy_string(json.dumps(plain(document, kinds)), name)
        lines += [f"{name}: {finding.issue}: {finding.detail}" for finding in policy.findings]
    return sorted(set(lines))


def policies(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each policy that an identity carries, with the name of its role."""
    for name, resource in template["Resources"].items():
        for policy in resource.get("Properties", {}).get("Policies", []):
            yield name, policy["PolicyDocument"]
        if resource["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            yield name, resource["Properties"]["PolicyDocument"]


def plain(value: Any, kinds: Mapping[str, str]) -> Any:  # noqa: PLR0911  (a table)
    """Return `value` with its functions answered as a stack would answer them, by kind of resource."""
    match value:
        case {"Ref": name}:
            return _referred(name, kinds)
        case {"Fn::GetAtt": [name, "Arn" | "ModelPackageGroupArn"]}:
            return _ARNS[kinds[name]]
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), dict()]}:
            return re.sub(r"\$\{([\w:.]+)\}", lambda match: _named(match[1], kinds), text)
        case {"Fn::Split": [separator, text]}:
            return plain(text, kinds).split(separator)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(plain(part, kinds) for part in parts)
        case {"Fn::If": [_, first, _]}:
            return plain(first, kinds)
        case dict():
            return {name: plain(part, kinds) for name, part in value.items()}
        case list():
            return [plain(part, kinds) for part in value]
    return value


def _referred(name: str, kinds: Mapping[str, str]) -> str:
    kind = kinds.get(name, "")
    return _PSEUDO.get(name) or (_ARNS[kind] if kind in _IS_ARN else name.lower())


def _named(name: str, kinds: Mapping[str, str]) -> str:
    resource, _, attribute = name.partition(".")
    return _ARNS[kinds[resource]] if attribute == "Arn" else _referred(name, kinds)


def main() -> int:
    """Print what is not accepted, and return the exit code."""
    lines = findings(expand(read_template()))
    open_lines = [line for line in lines if not any(re.search(pattern, line) for pattern in ACCEPTED)]
    idle = [pattern for pattern in ACCEPTED if not any(re.search(pattern, line) for line in lines)]
    for line in open_lines + [f"{pattern}: is accepted and not found any more; take it out" for pattern in idle]:
        sys.stdout.write(f"{line}\n")
    return 1 if open_lines or idle else 0


if __name__ == "__main__":
    sys.exit(main())
