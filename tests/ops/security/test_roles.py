"""Roles that may too much, and roles that nobody uses."""

import json

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
