"""The whole look at an account, as the command makes it."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from ops.security import report
from ops.security.analyzer import findings as analyzed
from ops.security.finding import Finding, Risk
from ops.session import Session
from ops.stack import artifacts
from ops.stack.stacks import Stack


def test_what_is_open_comes_first(local_session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """The stack's bucket and those that predictions may read are looked at; what mends each stands beside it."""
    s3, name = local_session.s3, local_session.stack_name
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
    made = local_session.cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    local_session.cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    for bucket in (f"{name}-photographs", artifacts.bucket_name(local_session)):
        s3.create_bucket(Bucket=bucket)
        s3.delete_public_access_block(Bucket=bucket)
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    statement["Resource"] = f"arn:aws:s3:::{name}-photographs/*"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=f"{name}-photographs", Policy=policy)
    stack = Stack(made["StackId"], "CREATE_COMPLETE", {}, {"AllowedBuckets": f"{name}-photographs, "})

    findings = report.findings(local_session, stack, 90)
    report.show(local_session, findings, 90)

    assert (findings[0].risk, findings[0].subject) == (Risk.OPEN, f"bucket {name}-photographs")
    assert [one.risk for one in findings] == sorted(one.risk for one in findings)
    assert "put-public-access-block" in (printed := capsys.readouterr().out)
    assert "1 open" in printed


def test_an_account_that_does_not_answer_is_said_to_be_unknown(local_session: Session) -> None:
    """The embedded account has no Access Analyzer: that is one line, and no failure."""
    (finding,) = analyzed(local_session, ["f"])

    assert finding == Finding(
        Risk.UNKNOWN, "Access Analyzer", "ListAnalyzers is not carried out by the embedded account"
    )


def test_commands_can_be_copied_from_a_terminal(local_session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """However narrow it is, each stands on a line of its own, unbroken by cells."""
    text = io.StringIO()
    narrow = Console(file=text, force_terminal=True, color_system=None, width=40, soft_wrap=True)
    monkeypatch.setattr("ops.console.out", narrow)
    remedy = (
        "aws iam detach-role-policy --role-name AmazonSageMaker-ExecutionRole --policy-arn arn:aws:iam::aws:policy/X"
    )

    report.show(local_session, [Finding(Risk.BROAD, "role r", "has [X]", remedy)], 90)

    assert text.getvalue().splitlines()[:2] == ["broad    role r: has [X]", f"         {remedy}"]
