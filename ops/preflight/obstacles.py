"""What stands in the way of a stack: names that are taken, and who may make a role."""

from __future__ import annotations

from collections.abc import Mapping

from ops.errors import StackError
from ops.preflight.finding import Finding, Verdict
from ops.preflight.readings import UnansweredError, ask, exists, unknown
from ops.session import Session
from ops.stack import artifacts, endpoints, stacks
from ops.stack.stacks import Stack

_SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_ANOTHER_NAME = "--stack-name with another name"


def find(session: Session, values: Mapping[str, str]) -> list[Finding]:
    """Return what is in the way in the session's account and region."""
    findings = [_artifacts_bucket(session), _scaling_role(session)]
    stack = stacks.find(session)
    findings.append(_endpoint(session, values.get("EndpointName") or session.stack_name, stack))
    if stack is None:
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


def _endpoint(session: Session, name: str, stack: Stack | None) -> Finding:
    """Return whose endpoint of this name is, if there is one, or whose it will be: only one stack can have it."""
    subject, need = f"endpoint {name}", "free, or this stack's"
    try:
        is_there = ask("sagemaker:DescribeEndpoint", lambda: endpoints.find(session, name)) is not None
        owner = ask("sagemaker:ListTags", lambda: endpoints.owner(session, name)) if is_there else ""
        owner = owner or ask("cloudformation:DescribeStacks", lambda: stacks.name_of_endpoint(session, name))
    except UnansweredError as error:
        return unknown(subject, need, error)
    is_own = owner == session.stack_name or (not owner and stack is not None and _serves(stack, name))
    if is_own or not (is_there or owner):
        return Finding(subject, "this stack's" if is_own else "free", need, Verdict.FITS)
    another = "--parameter EndpointName=another-name"
    if owner:
        return Finding(subject, f"of stack {owner!r}", need, Verdict.BLOCKS, (another,))
    remedies = (another, f"aws sagemaker delete-endpoint --endpoint-name {name}")
    return Finding(subject, "exists, and is of no stack", need, Verdict.BLOCKS, remedies)


def _serves(stack: Stack, name: str) -> bool:
    """Tell whether a stack deploys to the endpoint already, which older ones did without a tag."""
    return stack.outputs.get("EndpointName") == name


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
