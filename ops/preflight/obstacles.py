"""What stands in the way of a stack that does not exist yet: names that are taken, and who may make a role."""

from __future__ import annotations

from collections.abc import Mapping

from ops.errors import StackError
from ops.preflight.finding import Finding, Verdict
from ops.preflight.readings import UnansweredError, ask, exists, unknown
from ops.session import Session
from ops.stack import artifacts, endpoints, stacks

_SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_ANOTHER_NAME = "--stack-name with another name"


def find(session: Session, values: Mapping[str, str]) -> list[Finding]:
    """Return what is in the way in the session's account and region."""
    findings = [_artifacts_bucket(session), _scaling_role(session)]
    if stacks.find(session) is None:
        findings.append(_endpoint(session, values.get("EndpointName") or session.stack_name))
        findings.append(_function(session, f"{session.stack_name}-predict"))
    return findings


def _artifacts_bucket(session: Session) -> Finding:
    name = artifacts.bucket_name(session)
    subject, need = f"bucket {name}", "free, or this account's"
    try:
        is_ours = ask("s3:ListBucket", lambda: artifacts.exists(session, name))
    except StackError as error:
        return Finding(subject, str(error), need, Verdict.BLOCKS, (_ANOTHER_NAME,))
    except UnansweredError as error:
        return unknown(subject, need, error)
    return Finding(subject, "this account's" if is_ours else "free", need, Verdict.FITS)


def _endpoint(session: Session, name: str) -> Finding:
    subject = f"endpoint {name}"
    try:
        is_there = ask("sagemaker:DescribeEndpoint", lambda: endpoints.find(session, name)) is not None
    except UnansweredError as error:
        return unknown(subject, "free", error)
    if not is_there:
        return Finding(subject, "free", "free", Verdict.FITS)
    remedies = ("--parameter EndpointName=another-name", f"aws sagemaker delete-endpoint --endpoint-name {name}")
    return Finding(subject, "exists, and no stack of this name does", "free", Verdict.BLOCKS, remedies)


def _function(session: Session, name: str) -> Finding:
    subject = f"function {name}"
    try:
        is_there = ask("lambda:GetFunction", lambda: exists(lambda: session.functions.get_function(FunctionName=name)))
    except UnansweredError as error:
        return unknown(subject, "free", error)
    if not is_there:
        return Finding(subject, "free", "free", Verdict.FITS)
    remedies = (_ANOTHER_NAME, f"aws lambda delete-function --function-name {name}")
    return Finding(subject, "exists, and no stack of this name does", "free", Verdict.BLOCKS, remedies)


def _scaling_role(session: Session) -> Finding:
    subject, need = f"role {_SCALING_ROLE}", "there, or made by RegisterScaling"
    try:
        is_there = ask("iam:GetRole", lambda: exists(lambda: session.client("iam").get_role(RoleName=_SCALING_ROLE)))
    except UnansweredError as error:
        return unknown(subject, need, error)
    return Finding(subject, "there" if is_there else "made at the first deployment", need, Verdict.FITS)
