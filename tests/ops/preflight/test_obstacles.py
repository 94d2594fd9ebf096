"""Which names are taken, and by whom, before a stack is created or changed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ops.preflight import obstacles
from ops.preflight.finding import Finding, Verdict
from ops.session import Session
from ops.stack import endpoints

TEMPLATE: dict[str, Any] = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"EndpointName": {"Value": "shared"}, "StateMachineArn": {"Value": {"Ref": "Topic"}}},
}


def _of_endpoint(session: Session, name: str) -> Finding:
    findings = obstacles.find(session, {"EndpointName": name})
    return next(each for each in findings if each.subject == f"endpoint {name}")


@pytest.fixture
def exists(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give what lets an endpoint exist, with the tag of a stack or without."""

    def exist(owner: str) -> None:
        monkeypatch.setattr(endpoints, "find", lambda *_: "an endpoint")
        monkeypatch.setattr(endpoints, "owner", lambda *_: owner)

    return exist


def test_a_free_name_is_no_obstacle(local_session: Session) -> None:
    """Nobody has it, so this stack may."""
    finding = _of_endpoint(local_session, "nobody-has-this")

    assert (finding.verdict, finding.have) == (Verdict.FITS, "free")


def test_a_stack_that_will_deploy_to_the_endpoint_is_named(local_session: Session) -> None:
    """Two stacks of one endpoint name fail in the middle of the second one's creation, or fight over the endpoint."""
    made = local_session.cloudformation.create_stack(StackName="owner-of-shared", TemplateBody=json.dumps(TEMPLATE))
    local_session.cloudformation.get_waiter("stack_create_complete").wait(
        StackName=made["StackId"], WaiterConfig={"Delay": 1}
    )

    finding = _of_endpoint(local_session, "shared")

    local_session.cloudformation.delete_stack(StackName="owner-of-shared")
    assert (finding.verdict, finding.have) == (Verdict.BLOCKS, "of stack 'owner-of-shared'")
    assert finding.remedies == ("--parameter EndpointName=another-name",)


def test_the_owner_of_an_endpoint_stands_in_its_tag(local_session: Session, exists: Callable[[str], None]) -> None:
    """Its stack may be gone, or in the hands of somebody else: it is named all the same."""
    exists("roses")

    finding = _of_endpoint(local_session, "any")

    assert (finding.verdict, finding.have) == (Verdict.BLOCKS, "of stack 'roses'")


def test_an_endpoint_of_this_stack_is_no_obstacle(local_session: Session, exists: Callable[[str], None]) -> None:
    """Also when the stack itself is gone, or half deleted: it is taken up again."""
    exists(local_session.stack_name)

    assert _of_endpoint(local_session, "any").verdict is Verdict.FITS


def test_an_endpoint_of_no_stack_is_not_taken_over(local_session: Session, exists: Callable[[str], None]) -> None:
    """Somebody made it by hand, and may need it."""
    exists("")

    finding = _of_endpoint(local_session, "any")

    assert (finding.verdict, finding.have) == (Verdict.BLOCKS, "exists, and is of no stack")
    assert finding.remedies[1] == "aws sagemaker delete-endpoint --endpoint-name any"
