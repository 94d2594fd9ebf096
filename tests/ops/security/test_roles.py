"""Roles that may too much, and roles that nobody uses."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from ops.security import roles
from ops.security.finding import Risk
from ops.security.roles import findings
from ops.session import Session

_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
_FULL = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
_ALL = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def _role(session: Session, name: str) -> None:
    session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=_TRUST)


def test_a_broad_policy_comes_with_what_takes_it_away(local_session: Session) -> None:
    """Of AWS, of the account or of the role itself: each is named with its own command."""
    iam, name = local_session.client("iam"), f"{local_session.stack_name}-broad"
    _role(local_session, name)
    own = iam.create_policy(PolicyName=f"{name}-own", PolicyDocument=_ALL)["Policy"]["Arn"]
    for arn in (_FULL, own, "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=_ALL)

    made = [one for one in findings(local_session, [], 90) if one.subject == f"role {name}"]

    assert {one.risk for one in made} == {Risk.BROAD}
    assert [one.remedy for one in made] == [
        f"aws iam detach-role-policy --role-name {name} --policy-arn {_FULL}",
        f"aws iam detach-role-policy --role-name {name} --policy-arn {own}",
        f"aws iam delete-role-policy --role-name {name} --policy-name inline",
    ]


def test_a_role_is_unused_until_somebody_uses_it(local_session: Session) -> None:
    """The day of the last use counts, or that of its making; roles of the stack and of AWS are left out."""
    iam, name = local_session.client("iam"), f"{local_session.stack_name}-idle"
    _role(local_session, name)
    service_linked = iam.create_service_linked_role(AWSServiceName="sagemaker.application-autoscaling.amazonaws.com")

    made = {one.subject: one for one in findings(local_session, [], 0)}

    assert made[f"role {name}"].risk is Risk.UNUSED
    assert made[f"role {name}"].seen == "never used in 0 days"
    assert f"role {service_linked['Role']['RoleName']}" not in made
    assert not [one for one in findings(local_session, [], 90) if one.subject == f"role {name}"]
    assert not [one for one in findings(local_session, [name], 0) if one.subject == f"role {name}"]


def test_everybody_may_not_assume_a_role(local_session: Session) -> None:
    """A trust policy for everybody is the worst of all."""
    name = f"{local_session.stack_name}-open"
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    local_session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)

    (finding,) = (one for one in findings(local_session, [], 90) if one.subject == f"role {name}")

    assert (finding.risk, finding.seen) == (Risk.OPEN, "its trust policy lets everybody assume it")


def test_what_iam_does_not_say_is_told_once(local_session: Session) -> None:
    """The embedded account knows no services that roles have used: one line, however many roles are broad."""
    for number in range(2):
        name = f"{local_session.stack_name}-wide-{number}"
        _role(local_session, name)
        local_session.client("iam").attach_role_policy(RoleName=name, PolicyArn=_FULL)

    unknown = [one.seen for one in findings(local_session, [], 90) if one.risk is Risk.UNKNOWN]

    assert unknown == ["GenerateServiceLastAccessedDetails is not carried out by the embedded account"]


def test_services_that_were_used_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """IAM answers after a while, in pages; what was used before the time does not count."""
    monkeypatch.setattr(roles, "_PAUSE_SECONDS", 0.0)
    iam = boto3.client("iam", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    since, job, arn = datetime(2026, 9, 1, tzinfo=UTC), "0" * 36, "arn:aws:iam::123456789012:role/r"
    begun = {"JobCreationDate": since, "ServicesLastAccessed": [], "JobCompletionDate": since}
    with Stubber(iam) as stub:
        stub.add_response("generate_service_last_accessed_details", {"JobId": job}, {"Arn": arn})
        for status, marker, service, used in (
            ("IN_PROGRESS", "", "", None),
            ("COMPLETED", "m", "s3", since + timedelta(days=1)),
            ("COMPLETED", "", "sagemaker", since - timedelta(days=1)),
        ):
            dated = {"LastAuthenticated": used} if used else {}
            listed = [{"ServiceName": service, "ServiceNamespace": service} | dated] if service else []
            page = begun | {"JobStatus": status, "ServicesLastAccessed": listed, "IsTruncated": bool(marker)}
            stub.add_response("get_service_last_accessed_details", page | ({"Marker": marker} if marker else {}))

        assert roles.used_services(iam, arn, since) == "; used of it in this time: s3"
