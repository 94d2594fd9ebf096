"""Each role is sufficient and minimal: the policies of the template against every request of the flow's tests."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.flow.pictures import write_dataset

pytestmark = [pytest.mark.slow, pytest.mark.account]

FROZEN = "frozen"  # the stack of test_features.py
NEEDED = {
    f"test_{name}.py"
    for name in ("success", "rollback", "schedule", "refusals", "archives", "features", "rare_jobs", "rare_paths")
}
# Granted for what no test of the flow walks: a trials.json that is gone while its job completed, and a deployment that
# fails before it is under way. Their handlers' tests have both paths, on an account that asks for no permission. Of a
# job without metrics of its own SageMaker puts those of its instance, which the account does not.
_NOT_WALKED = {("DeployEndpointRole", "Answer"), ("ResumeExecutionRole", "List"), ("UnpackingRole", "Measure")}
_BY_AWS = {"Budget"}  # AWS Budgets speaks when money is spent, which is nobody's here
REFUSAL = re.compile(
    r"User: \S+ is not authorized to perform: [\w-]+:\w+ on resource: \S+ "
    r"because no (identity|resource)-based policy allows the [\w-]+:\w+ action"
)


@pytest.fixture(scope="module")
def whole_flow(request, production) -> None:
    """Let go on only where the tests of the flow's other paths have run before."""
    files = {item.path.name for item in request.session.items if item.path.parent == Path(__file__).parent}
    if not files >= NEEDED:
        pytest.skip("what is needed shows only after all of tests/flow; run: pytest tests/flow")


@pytest.fixture(scope="module")
def roles(stack) -> dict[tuple[str, str], str]:
    """Give the ARN of each role of the flow's stacks by stack and logical id."""
    arns = {}
    for name in (stack.name, FROZEN):
        pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
        for one in (resource for page in pages for resource in page["StackResourceSummaries"]):
            if one["ResourceType"] == "AWS::IAM::Role":
                role = stack.client("iam").get_role(RoleName=one["PhysicalResourceId"])["Role"]
                arns[name, one["LogicalResourceId"]] = role["Arn"]
    return arns


@pytest.fixture(scope="module")
def policies(stack, roles) -> dict[tuple[str, str], dict[str, Any]]:
    """Give the one policy document of each role."""
    iam, documents = stack.client("iam"), {}
    for key, arn in roles.items():
        name = arn.rpartition("/")[2]
        listed = iam.list_role_policies(RoleName=name)["PolicyNames"]
        assert len(listed) == 1, f"{key} has the policies {listed}"
        documents[key] = iam.get_role_policy(RoleName=name, PolicyName=listed[0])["PolicyDocument"]
    return documents


def _report(stack, *conditions: str, only: Sequence[str] = ()) -> dict[str, Any]:
    """Return what `embedded-account permissions` says of all requests of this session, as if `conditions` held."""
    command = [sys.executable, "-m", "embedded_account", "permissions", "--json", "--folder", str(stack.account.folder)]
    command += [word for condition in conditions for word in ("--with", condition)]
    command += [word for arn in only for word in ("--of", arn)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def report(stack, whole_flow) -> dict[str, Any]:
    """Give what is known of every permission after the flow's tests."""
    return _report(stack)


@pytest.fixture(scope="module")
def of_roles(report, roles) -> dict[tuple[str, str], dict[str, Any]]:
    """Give the report of each role by stack and logical id."""
    reports = {one["role"]: one for one in report["roles"]}
    return {key: reports[arn] for key, arn in roles.items()}


def test_every_request_of_the_flow_was_allowed(of_roles):
    """No role of the stacks was denied anything: the policies suffice."""
    assert {key: one["refused"] for key, one in of_roles.items() if one["refused"]} == {}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(stack_name: str, resource: str) -> str:
    """Return a resource without what tells one stack from another."""
    same_key = re.sub(r":key/[0-9a-f-]{36}", ":key/KEY", resource)
    return re.sub(rf"{stack_name}-\w+-\w{{8,}}", "STACK-ID", same_key).replace(stack_name, "STACK")


def test_every_permission_is_needed(of_roles, policies):
    """Without any one action or any one resource of any one statement some request of the flow is denied."""
    idle: set[str] = set()
    needed: set[str] = set()
    for key, one in of_roles.items():
        for number, statement in enumerate(one["statements"]):
            assert statement["effect"] == "Allow"
            told = f"{key[1]} {statement['sid']}"
            if (key[1], statement["sid"]) in _NOT_WALKED:
                continue
            for action in statement["actions"]:
                (needed if action["needed"] else idle).add(f"{told} {action['action']}")
            for place, resource in enumerate(statement["resources"]):
                written = listed(policies[key]["Statement"][number]["Resource"])[place]
                assert written == resource["resource"]
                (needed if resource["needed"] else idle).add(f"{told} {_plain(key[0], written)}")

    assert len(idle | needed) > len(policies)
    assert sorted(idle - needed) == [], (
        "nothing needs these; take them out of template.yaml, or their path in test_rare_paths.py or test_rare_jobs.py"
    )


def test_without_any_one_statement_a_request_is_refused_in_words(of_roles, policies):
    """For every statement of every role: AWS's sentence says who may not do what on which resource, and why."""
    sentences: dict[tuple[str, str], set[str]] = defaultdict(set)
    for key, one in of_roles.items():
        assert len(one["statements"]) == len(policies[key]["Statement"])
        for statement in one["statements"]:
            sentences[key[1], statement["sid"]] |= {decided["refusal"] for decided in statement["decides"]}

    assert [statement for statement, told in sentences.items() if not told and statement not in _NOT_WALKED] == []
    assert [one for told in sentences.values() for one in told if not REFUSAL.fullmatch(one)] == []


def test_each_role_is_assumed_by_its_service(stack, of_roles):
    """Every role was assumed, and by the one service that its trust policy names."""
    for key, one in of_roles.items():
        name = one["role"].rpartition("/")[2]
        trust = stack.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        assert one["assumed_by"] == [trust["Statement"][0]["Principal"]["Service"]], key


def test_each_rule_needs_its_permission_to_invoke(stack, report):
    """Without the Lambda permission of a rule, that rule's request to invoke is denied."""
    policies = {one["resource"].rpartition(":")[2]: one for one in report["resources"]}
    permitted, invoked = 0, set()
    for function in ("start-execution", "resume-execution", "standby"):
        policy = policies[f"{stack.name}-{function}"]
        text = stack.client("lambda").get_policy(FunctionName=f"{stack.name}-{function}")["Policy"]
        assert {one["sid"] for one in policy["statements"]} == {one["Sid"] for one in json.loads(text)["Statement"]}
        for statement in policy["statements"]:
            permitted += 1
            asked = [one for one in statement["decides"] if one["action"] == "lambda:InvokeFunction"]
            assert [one for one in asked if one["by"] == "events.amazonaws.com"], statement
        invoked |= {one["source_arn"] for one in policy["requests"] if one["by"] == "events.amazonaws.com"}
    assert permitted == 7
    assert len(invoked) >= 6


@pytest.fixture(scope="module")
def resource_policies(stack, production) -> dict[str, tuple[str, dict[str, Any]]]:
    """Give ARN and policy of each resource of the stack that has one, by logical id."""
    iam_view, documents = {}, {}
    pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.name)
    for one in (resource for page in pages for resource in page["StackResourceSummaries"]):
        iam_view[one["LogicalResourceId"]] = one["PhysicalResourceId"]
    bucket = iam_view["DataBucket"]
    text = stack.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    documents["DataBucket"] = (f"arn:aws:s3:::{bucket}", json.loads(text))
    attributes = stack.client("sns").get_topic_attributes(TopicArn=iam_view["Topic"])["Attributes"]
    documents["Topic"] = (iam_view["Topic"], json.loads(attributes["Policy"]))
    for queue in ("EventDeadLetterQueue", "FunctionDeadLetterQueue"):
        attributes = stack.client("sqs").get_queue_attributes(QueueUrl=iam_view[queue], AttributeNames=["All"])
        attributes = attributes["Attributes"]
        documents[queue] = (attributes["QueueArn"], json.loads(attributes["Policy"]))
    return documents


def _of(report: dict[str, Any], arn: str) -> dict[str, Any]:
    """Return what the report says of one resource."""
    return next(one for one in report["resources"] if one["resource"] == arn)


def test_without_any_one_resource_statement_a_request_is_refused(report, resource_policies):
    """CloudWatch could not publish to the topic, EventBridge could not bury an event of any one of its rules."""
    seen = set()
    for arn, document in resource_policies.values():
        statements = _of(report, arn)["statements"]
        assert [one["sid"] for one in statements] == [one["Sid"] for one in document["Statement"]]
        for statement in (one for one in statements if one["effect"] == "Allow" and one["sid"] not in _BY_AWS):
            assert statement["decides"], f"nothing needs {statement['sid']} of {arn}"
            assert all(REFUSAL.fullmatch(one["refusal"]) for one in statement["decides"])
            seen.add(statement["sid"])
    assert seen == {"Alarms", "Rules"}


def test_every_rule_may_bury_what_it_cannot_deliver(stack, whole_flow, resource_policies):
    """The queue's policy names each rule of the stack, and no other rule may send to it."""
    arn, _ = resource_policies["EventDeadLetterQueue"]
    rules = stack.client("events").list_rules(NamePrefix=stack.name)["Rules"]
    rules = [rule["Arn"] for rule in rules if rule["Arn"].split("/")[-1].startswith(f"{stack.name}-")]

    def may_send(rule: str) -> bool:
        requests = _of(_report(stack, f"aws:SourceArn={rule}", only=[arn]), arn)["requests"]
        (refusal,) = {one["refusal"] for one in requests if one["by"] == "events.amazonaws.com"}
        assert not refusal or REFUSAL.fullmatch(refusal)
        return not refusal

    assert len(rules) == 7
    assert [rule for rule in rules if not may_send(rule)] == []
    assert not may_send(f"{rules[0]}-other")


def test_plain_http_is_denied_by_each_denying_statement(stack, whole_flow, resource_policies):
    """What the flow has asked of bucket, topic and queues would be denied without TLS, by that one statement alone."""
    report = _report(stack, "aws:SecureTransport=false", only=[arn for arn, _ in resource_policies.values()])
    for name, (arn, _) in resource_policies.items():
        (statement,) = [one for one in _of(report, arn)["statements"] if one["effect"] == "Deny"]
        plain = [
            one
            for one in _of(report, arn)["requests"]
            if one["action"] in ("sns:Publish", "sqs:SendMessage") or one["action"].startswith("s3:")
        ]
        assert plain, name
        for request in plain:
            assert request["refusal"].endswith("with an explicit deny in a resource-based policy"), request
            assert request in statement["decides"], f"{name}: refused for another reason too"


@pytest.mark.parametrize(
    ("role", "sid", "action"),
    [
        ("ValidateDatasetRole", "WriteManifests", "s3:PutObject"),
        ("StartTuningJobRole", "PassSageMakerRole", "iam:PassRole"),
    ],
)
def test_a_removed_statement_fails_the_run_in_words(stack, policies, roles, tmp_path, role, sid, action):
    """Without the statement a run fails, and status says who may not do what, and where to allow it."""
    name = roles[stack.name, role].rpartition("/")[2]
    policy_name = stack.client("iam").list_role_policies(RoleName=name)["PolicyNames"][0]
    left = [one for one in policies[stack.name, role]["Statement"] if one["Sid"] != sid]
    dataset = f"without-{sid.lower()}"

    _put_policy(stack, name, policy_name, policies[stack.name, role] | {"Statement": left})
    try:
        done = stack.run("upload", str(write_dataset(tmp_path)), "--dataset", dataset, "--watch", check=False)
        page = " ".join(stack.run("status").stdout.split())
    finally:
        _put_policy(stack, name, policy_name, policies[stack.name, role])

    assert done.returncode == 1
    assert f"is not authorized to perform: {action} on resource: " in page
    assert f"no identity-based policy allows the {action} action" in page
    assert "template.yaml" in page


def _put_policy(stack: Any, role: str, name: str, document: dict[str, Any]) -> None:
    stack.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
