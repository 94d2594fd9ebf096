"""Tests of local/iam/evaluation.py and the documents it reads."""

import json
import string
from typing import Any

import pytest
from embedded_account.iam.context import Context
from embedded_account.iam.documents import Policy
from embedded_account.iam.errors import MalformedPolicyError
from embedded_account.iam.evaluation import Decision, Policies, Request, evaluate
from embedded_account.identity import Principal
from hypothesis import given
from hypothesis import strategies as st

ROLE = "arn:aws:iam::123456789012:role/reader"
SESSION = "arn:aws:sts::123456789012:assumed-role/reader/one"
OBJECT = "arn:aws:s3:::pictures/cats/1.jpg"
READER = Principal(ROLE, "one")
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::pictures/*"}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> Policy:
    return Policy.parse({"Version": version, "Statement": list(statements)})


def decide(
    *identity: dict[str, Any],
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    principal: Principal = READER,
    context: dict[str, Any] | None = None,
    **others: Any,
) -> Decision:
    policies = Policies(identity=(policy(*identity),) if identity else (), **others)
    request = Request(principal, action, resource, Context(context or {}))
    return evaluate(request, policies)


def test_nothing_is_allowed_without_a_policy():
    """By default all requests are implicitly denied.

    Source: IAM user guide, "Policy evaluation logic".
    """
    assert decide() == Decision(False, "because no identity-based policy allows the s3:GetObject action")


def test_an_identity_policy_allows_what_it_names():
    """Action and resource both fit.

    Source: IAM user guide, "Policy evaluation logic".
    """
    assert decide(ALLOW).is_allowed
    assert not decide(ALLOW, action="s3:PutObject").is_allowed
    assert not decide(ALLOW, resource="arn:aws:s3:::other/1.jpg").is_allowed


def test_an_explicit_deny_wins():
    """An explicit deny in any policy overrides the allow.

    Source: IAM user guide, "Policy evaluation logic".
    """
    assert decide(ALLOW, DENY) == Decision(False, "with an explicit deny in an identity-based policy")
    assert decide(ALLOW, boundary=policy(ALLOW, DENY)).reason.endswith("a permissions boundary")
    assert decide(ALLOW, session=policy(ALLOW, DENY)).reason.endswith("a session policy")


def test_actions_match_in_any_case_and_resources_do_not():
    """Prefix and action name are case insensitive; ARNs are not.

    Source: IAM user guide, "IAM JSON policy elements: Action".
    """
    assert decide(ALLOW | {"Action": "S3:getOBJECT"}).is_allowed
    assert not decide(ALLOW | {"Resource": OBJECT.upper()}).is_allowed


@pytest.mark.parametrize(
    ("pattern", "allowed"), [("s3:Get*", True), ("s3:*", True), ("*", True), ("s3:Get?bject", True), ("s3:Put*", False)]
)
def test_wildcards_in_actions(pattern, allowed):
    """The asterisk stands for any characters and the question mark for one.

    Source: IAM user guide, "IAM JSON policy elements: Action".
    """
    assert decide(ALLOW | {"Action": pattern}).is_allowed is allowed


def test_not_action_and_not_resource_allow_everything_else():
    """NotAction matches everything except the specified list of actions, and NotResource all other resources.

    Source: IAM user guide, "IAM JSON policy elements: NotAction".
    """
    but = {"Effect": "Allow", "NotAction": ["s3:DeleteObject"], "NotResource": "arn:aws:s3:::secret/*"}

    assert decide(but).is_allowed
    assert not decide(but, action="s3:DeleteObject").is_allowed
    assert not decide(but, resource="arn:aws:s3:::secret/1").is_allowed


def test_a_variable_stands_for_the_callers_value_as_it_is():
    """Wildcards inside a value have no special meaning.

    Source: IAM user guide, "IAM policy elements: Variables and tags".
    """
    own = ALLOW | {"Resource": "arn:aws:s3:::pictures/${aws:username}/*"}

    assert decide(own, context={"aws:username": "cats"}).is_allowed
    assert not decide(own, context={"aws:username": "*"}).is_allowed
    assert not decide(own).is_allowed
    assert decide(ALLOW | {"Resource": "arn:aws:s3:::pictures/${aws:username, 'cats'}/*"}).is_allowed


def test_variables_mean_nothing_in_the_old_policy_language():
    """Before 2012-10-17, ${aws:username} is a literal string.

    Source: IAM user guide, "IAM JSON policy elements: Version".
    """
    own = ALLOW | {"Resource": "arn:aws:s3:::pictures/${aws:username}/*"}
    request = Request(READER, "s3:GetObject", OBJECT, Context({"aws:username": "cats"}))

    assert not evaluate(request, Policies((policy(own, version="2008-10-17"),))).is_allowed


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": ROLE}, True),
        ({"AWS": SESSION}, True),
        ({"AWS": ["arn:aws:iam::123456789012:role/other", ROLE]}, True),
        ({"AWS": "arn:aws:iam::123456789012:role/other"}, False),
        ({"AWS": "123456789012"}, False),
        ({"AWS": "arn:aws:iam::123456789012:root"}, False),
        ({"Service": "lambda.amazonaws.com"}, False),
        ({"Federated": "cognito-identity.amazonaws.com"}, False),
    ],
)
def test_a_resource_policy_allows_by_itself_whom_it_names(principal, allowed):
    """In one account either policy is enough; one that names the account leaves the decision to identity policies.

    Source: IAM user guide, "Policy evaluation logic".
    """
    decision = evaluate(
        Request(READER, "s3:GetObject", OBJECT, Context({})),
        Policies(resource=policy(ALLOW | {"Principal": principal})),
    )
    assert decision.is_allowed is allowed


def test_not_principal_denies_everyone_else():
    """NotPrincipal with Deny leaves only those it names.

    Source: IAM user guide, "AWS JSON policy elements: NotPrincipal".
    """
    but_reader = policy(DENY | {"NotPrincipal": {"AWS": [ROLE, SESSION]}})
    other = Principal("arn:aws:iam::123456789012:role/other", "one")

    for who, allowed in ((READER, True), (other, False)):
        request = Request(who, "s3:GetObject", OBJECT, Context({}))
        assert evaluate(request, Policies((policy(ALLOW),), resource=but_reader)).is_allowed is allowed


def test_a_service_is_allowed_by_the_resources_policy_alone():
    """A service has no identity policy; the message says that a resource-based one is missing.

    Source: IAM user guide, "Policy evaluation logic".
    """
    events = Principal("", "", "events.amazonaws.com", "arn:aws:events:us-east-1:123456789012:rule/r")
    statement = ALLOW | {
        "Principal": {"Service": "events.amazonaws.com"},
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/r"}},
    }
    request = Request(events, "s3:GetObject", OBJECT, Context({"aws:SourceArn": events.source_arn}))

    assert evaluate(request, Policies(resource=policy(statement))).is_allowed
    refusal = evaluate(Request(events, "s3:GetObject", OBJECT, Context({})), Policies(resource=policy(statement)))
    assert refusal.reason == "because no resource-based policy allows the s3:GetObject action"


def test_a_boundary_limits_and_grants_nothing():
    """The effective permissions are the intersection; a resource policy that names the session passes by.

    Source: IAM user guide, "Permissions boundaries for IAM entities".
    """
    request = Request(READER, "s3:GetObject", OBJECT, Context({}))
    elsewhere = policy(ALLOW | {"Resource": "arn:aws:s3:::other/*"})

    assert evaluate(request, Policies(boundary=policy(ALLOW))).is_allowed is False
    limited = evaluate(request, Policies((policy(ALLOW),), boundary=elsewhere))
    assert limited.reason == "because no permissions boundary allows the s3:GetObject action"
    by_role = Policies(boundary=elsewhere, resource=policy(ALLOW | {"Principal": {"AWS": ROLE}}))
    by_session = Policies(boundary=elsewhere, resource=policy(ALLOW | {"Principal": {"AWS": SESSION}}))
    assert not evaluate(request, by_role).is_allowed
    assert evaluate(request, by_session).is_allowed


def test_a_session_policy_limits():
    """The permissions of a session are the intersection with the session policy.

    Source: IAM user guide, "Policies and permissions in AWS Identity and Access Management", session policies.
    """
    request = Request(READER, "s3:GetObject", OBJECT, Context({}))
    nothing = policy(ALLOW | {"Action": "s3:ListBucket"})

    refusal = evaluate(request, Policies((policy(ALLOW),), session=nothing))

    assert refusal.reason == "because no session policy allows the s3:GetObject action"


def test_a_trust_policy_decides_alone():
    """Whoever may assume a role is named in the role's own policy; the identity's policy is not enough.

    Source: IAM user guide, "Roles terms and concepts", trust policy.
    """
    request = Request(READER, "s3:GetObject", OBJECT, Context({}))

    assert not evaluate(request, Policies((policy(ALLOW),)), resource_policy_decides=True).is_allowed


def test_root_is_bound_by_resource_denials_only():
    """Root needs no policy, and a resource's explicit deny holds for it too.

    Source: IAM user guide, "Policy evaluation logic".
    """
    root = Principal("", "root")
    request = Request(root, "s3:GetObject", OBJECT, Context({}))

    assert evaluate(request, Policies()).is_allowed
    assert not evaluate(request, Policies(resource=policy(DENY | {"Principal": "*"}))).is_allowed


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ("no json", "not JSON"),
        ("{}", "no Statement"),
        ({"Statement": {"Effect": "allow", "Action": "*"}}, "Effect"),
        ({"Statement": {"Effect": "Allow"}}, "Action or NotAction"),
        ({"Statement": {"Effect": "Allow", "Action": "*", "Ressource": "*"}}, "Ressource"),
        ({"Statement": {"Effect": "Allow", "Action": "*", "Principal": "me"}}, "principal: 'me'"),
        ({"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"StringIs": {"a": "b"}}}}, "StringIs"),
        ({"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": "x"}}}, "must map keys"),
    ],
)
def test_a_malformed_policy_is_refused_with_its_fault(document, word):
    """What IAM would not take is named, not passed over."""
    with pytest.raises(MalformedPolicyError, match=word):
        Policy.parse(document)


names = st.text(string.ascii_letters + "/*?", min_size=1, max_size=6)
statements = st.builds(
    lambda effect, actions, resources: {"Effect": effect, "Action": actions, "Resource": resources},
    st.sampled_from(["Allow", "Deny"]),
    st.lists(names, min_size=1, max_size=3),
    st.lists(names, min_size=1, max_size=3),
)
plain = st.text(string.ascii_letters + "/", min_size=1, max_size=6)


@given(st.lists(statements, max_size=4), plain, plain)
def test_the_order_of_statements_does_not_matter(listed, action, resource):
    """All statements are evaluated; none comes first."""
    outcomes = {decide(*ordered, action=action, resource=resource).is_allowed for ordered in (listed, listed[::-1])}
    assert len(outcomes) == 1


@given(st.lists(statements, max_size=4), plain, plain)
def test_a_denial_never_allows_more(listed, action, resource):
    """Adding a Deny statement takes away and never gives."""
    deny = {"Effect": "Deny", "Action": action, "Resource": "*"}

    assert not decide(*listed, deny, action=action, resource=resource).is_allowed


@given(st.lists(statements, max_size=4), st.lists(statements, max_size=4), plain, plain)
def test_a_boundary_never_allows_more(listed, limits, action, resource):
    """Whatever the boundary says, nothing is allowed that was not allowed without it."""
    request = Request(READER, action, resource, Context({}))
    identity = (policy(*listed),) if listed else ()
    limited = evaluate(request, Policies(identity, boundary=policy(*limits)))

    assert not limited.is_allowed or evaluate(request, Policies(identity)).is_allowed


@given(st.lists(statements, max_size=4), plain, plain)
def test_a_statement_survives_the_way_through_text(listed, action, resource):
    """A policy read from JSON text decides as the one read from its parsed form."""
    request = Request(READER, action, resource, Context({}))
    document = {"Version": "2012-10-17", "Statement": listed}

    parsed, read = Policy.parse(document), Policy.parse(json.dumps(document, indent=1))

    assert evaluate(request, Policies((parsed,))) == evaluate(request, Policies((read,)))


@given(plain, plain)
def test_not_action_is_the_opposite_of_action(listed, action):
    """One of the two fits, never both."""
    positive = {"Effect": "Allow", "Action": listed, "Resource": "*"}
    negative = {"Effect": "Allow", "NotAction": listed, "Resource": "*"}

    assert decide(positive, action=action).is_allowed != decide(negative, action=action).is_allowed
