"""Each role is sufficient and minimal: the policies of the template against every request of the flow's tests."""

import json
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from embedded_account.iam.actions.rules import Need
from embedded_account.iam.atoms import atoms, denied, idle_atoms
from embedded_account.iam.documents import Policy
from embedded_account.iam.evaluation import Policies, Request, evaluate
from embedded_account.iam.permissions import refusal
from embedded_account.iam.recording import Recorded, recorded

from tests.flow.pictures import write_dataset

pytestmark = [pytest.mark.slow, pytest.mark.account]

FROZEN = "frozen"  # the stack of test_features.py
NEEDED = {"test_success.py", "test_schedule.py", "test_refusals.py", "test_features.py", "test_rare_paths.py"}
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
    found = {}
    for name in (stack.name, FROZEN):
        pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
        for one in (resource for page in pages for resource in page["StackResourceSummaries"]):
            if one["ResourceType"] == "AWS::IAM::Role":
                role = stack.client("iam").get_role(RoleName=one["PhysicalResourceId"])["Role"]
                found[name, one["LogicalResourceId"]] = role["Arn"]
    return found


@pytest.fixture(scope="module")
def policies(stack, roles) -> dict[tuple[str, str], dict[str, Any]]:
    """Give the one policy document of each role."""
    iam, found = stack.client("iam"), {}
    for key, arn in roles.items():
        name = arn.rpartition("/")[2]
        listed = iam.list_role_policies(RoleName=name)["PolicyNames"]
        assert len(listed) == 1, f"{key} has the policies {listed}"
        found[key] = iam.get_role_policy(RoleName=name, PolicyName=listed[0])["PolicyDocument"]
    return found


@pytest.fixture(scope="module")
def records(stack, whole_flow) -> list[Recorded]:
    """Give what was decided in this session, by whom it was asked."""
    return list(recorded(stack.account.folder))


@pytest.fixture(scope="module")
def requests(records, roles) -> dict[tuple[str, str], list[Request]]:
    """Give what was asked for as each role, in this session."""
    keys = {arn: key for key, arn in roles.items()}
    found: dict[tuple[str, str], list[Request]] = defaultdict(list)
    for one in records:
        if one.request.principal.role_arn in keys:
            found[keys[one.request.principal.role_arn]].append(one.request)
    return found


def test_every_request_of_the_flow_was_allowed(records, roles):
    """No role of the stacks was denied anything: the policies suffice."""
    refused = [
        f"{one.request.principal.arn} {one.request.action} {one.request.resource}"
        for one in records
        if not one.was_allowed and one.request.principal.role_arn in roles.values()
    ]
    assert refused == []


def test_every_permission_is_needed(policies, requests):
    """Without any one action of any one statement some request that the flow has made is denied."""
    present = {(role, atom) for (_, role), document in policies.items() for atom in atoms(document)}
    needed = {
        (role, atom)
        for (stack_name, role), document in policies.items()
        for atom in set(atoms(document)) - set(idle_atoms(document, requests[stack_name, role]))
    }
    unneeded = sorted(f"{role} {atom.sid} {atom.action}" for role, atom in present - needed)
    assert unneeded == [], "nothing needs these; take them out of template.yaml, or their path in test_rare_paths.py"


def test_without_any_one_statement_a_request_is_refused_in_words(policies, requests):
    """For every statement of every role: AWS's sentence says who may not do what on which resource, and why."""
    said: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (stack_name, role), document in policies.items():
        for statement in document["Statement"]:
            left = document | {"Statement": [one for one in document["Statement"] if one is not statement]}
            refused = denied(left, requests[stack_name, role])
            said[role, statement["Sid"]] |= {_said(one, Policies((Policy.parse(left),))) for one in refused}

    assert [statement for statement, sentences in said.items() if not sentences] == []
    assert [one for sentences in said.values() for one in sentences if not REFUSAL.fullmatch(one)] == []


def test_each_role_is_assumed_by_its_service(stack, records, roles):
    """Every role was assumed, and by the one service that its trust policy names."""
    assumed = defaultdict(set)
    for one in records:
        if one.request.action == "sts:AssumeRole" and one.was_allowed:
            assumed[one.request.resource].add(one.request.principal.service)
    for key, arn in roles.items():
        trust = stack.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
        assert assumed[arn] == {trust["Statement"][0]["Principal"]["Service"]}, key


def test_each_rule_needs_its_permission_to_invoke(stack, records):
    """Without the Lambda permission of a rule, that rule's request to invoke is denied."""
    asked = [
        one.request
        for one in records
        if one.request.principal.service == "events.amazonaws.com" and one.request.action == "lambda:InvokeFunction"
    ]
    invoked = {request.principal.source_arn for request in asked}
    permitted = 0
    for function in ("start-execution", "resume-execution"):
        text = stack.client("lambda").get_policy(FunctionName=f"{stack.name}-{function}")["Policy"]
        for statement in json.loads(text)["Statement"]:
            permitted += 1
            left = [one for one in json.loads(text)["Statement"] if one["Sid"] != statement["Sid"]]
            before = [one for one in asked if one.resource.endswith(function) and _allows([*left, statement], one)]
            assert [one for one in before if not _allows(left, one)], statement
    assert permitted == 5
    assert len(invoked) >= 5


def _allows(statements: list[dict[str, Any]], request: Request) -> bool:
    document = {"Version": "2012-10-17", "Statement": statements}
    return evaluate(request, Policies(resource=Policy.parse(document))).is_allowed


@pytest.fixture(scope="module")
def resource_policies(stack, production) -> dict[str, tuple[str, dict[str, Any]]]:
    """Give ARN and policy of each resource of the stack that has one, by logical id."""
    iam_view, found = {}, {}
    pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.name)
    for one in (resource for page in pages for resource in page["StackResourceSummaries"]):
        iam_view[one["LogicalResourceId"]] = one["PhysicalResourceId"]
    bucket = iam_view["DataBucket"]
    text = stack.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    found["DataBucket"] = (f"arn:aws:s3:::{bucket}", json.loads(text))
    attributes = stack.client("sns").get_topic_attributes(TopicArn=iam_view["Topic"])["Attributes"]
    found["Topic"] = (iam_view["Topic"], json.loads(attributes["Policy"]))
    for queue in ("EventDeadLetterQueue", "FunctionDeadLetterQueue"):
        attributes = stack.client("sqs").get_queue_attributes(QueueUrl=iam_view[queue], AttributeNames=["All"])
        attributes = attributes["Attributes"]
        found[queue] = (attributes["QueueArn"], json.loads(attributes["Policy"]))
    return found


def test_without_any_one_resource_statement_a_request_is_refused(records, resource_policies):
    """CloudWatch could not publish to the topic, EventBridge could not bury an event of any one of its rules."""
    asked = [one.request for one in records]
    seen = set()
    for arn, document in resource_policies.values():
        for statement in (one for one in document["Statement"] if one["Effect"] == "Allow"):
            left = [one for one in document["Statement"] if one is not statement]
            of_it = [one for one in asked if one.resource == arn and _allows(document["Statement"], one)]
            refused = [one for one in of_it if not _allows(left, one)]
            assert refused, f"nothing needs {statement['Sid']} of {arn}"
            policy = Policies(resource=Policy.parse(document | {"Statement": left}))
            assert all(REFUSAL.fullmatch(_said(one, policy)) for one in refused)
            seen.add(statement["Sid"])
    assert seen == {"Alarms", "Rules"}


def test_every_rule_may_bury_what_it_cannot_deliver(stack, records, resource_policies):
    """The queue's policy names each rule of the stack, and no other rule may send to it."""
    arn, document = resource_policies["EventDeadLetterQueue"]
    one = next(
        found.request
        for found in records
        if found.request.resource == arn and found.request.principal.service == "events.amazonaws.com"
    )
    rules = stack.client("events").list_rules(NamePrefix=stack.name)["Rules"]
    rules = [rule["Arn"] for rule in rules if rule["Arn"].split("/")[-1].startswith(f"{stack.name}-")]

    allowed = [rule for rule in rules if _allows(document["Statement"], _from(one, rule))]

    assert (len(allowed), allowed) == (5, rules)
    assert not _allows(document["Statement"], _from(one, f"{rules[0]}-other"))


def _from(request: Request, rule_arn: str) -> Request:
    """Return the request as `rule_arn` would make it."""
    principal = replace(request.principal, source_arn=rule_arn)
    return replace(request, principal=principal, context=request.context.with_values({"aws:SourceArn": rule_arn}))


def test_plain_http_is_denied_by_each_denying_statement(records, resource_policies):
    """What the flow has asked of bucket, topic and queues would be denied without TLS, by that one statement alone."""
    anything = Policy.parse({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    asked = [one.request for one in records]
    for name, (arn, document) in resource_policies.items():
        (statement,) = [one for one in document["Statement"] if one["Effect"] == "Deny"]
        left = {"Statement": [one for one in document["Statement"] if one is not statement]}
        of_it = [one for one in asked if one.resource == arn or one.resource.startswith(f"{arn}/")]
        plain = [
            replace(one, context=one.context.with_values({"aws:SecureTransport": "false"}))
            for one in of_it
            if one.action in ("sns:Publish", "sqs:SendMessage") or one.action.startswith("s3:")
        ]
        assert plain, name
        for request in plain:
            said = _said(request, Policies((anything,), resource=Policy.parse(document)))
            assert said.endswith("with an explicit deny in a resource-based policy"), said
            assert evaluate(request, Policies((anything,), resource=Policy.parse(left))).is_allowed


def _said(request: Request, policies: Policies) -> str:
    """Return the sentence in which the request is refused."""
    decision = evaluate(request, policies)
    assert not decision.is_allowed
    return refusal(request.principal, Need(request.action, request.resource), decision)


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
