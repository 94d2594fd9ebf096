"""ops/stack/removal.py and tagged.py: all that bears the stack's tag goes, whatever its name; the rest is left."""

from typing import Any

import pytest

from embedded_account import Faults
from ops.errors import StackError
from ops.session import Session
from ops.stack import tagged, teardown


def _make(session: Session, name: str, owner: str) -> None:
    """Create model, config and endpoint of one name, as an execution of stack `owner` does; "" leaves the tag out."""
    tags: Any = {"Tags": [{"Key": "retriever:Stack", "Value": owner}]} if owner else {}
    image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
    bucket = f"{session.stack_name}-artifacts-of-models"
    session.s3.create_bucket(Bucket=bucket)
    session.s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=b"no archive")
    session.sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://{bucket}/model.tar.gz"},
        ExecutionRoleArn=f"arn:aws:iam::{session.account_id}:role/tester",
        **tags,
    )
    variant: Any = {
        "VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1,
    }  # fmt: skip
    session.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **tags)
    session.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, **tags)


def _names(session: Session) -> set[str]:
    return {entry["EndpointName"] for entry in session.sagemaker.list_endpoints()["Endpoints"]}


def test_what_bears_the_tag_of_a_gone_stack_is_removed(local_session: Session) -> None:
    """The stack was deleted by hand; its endpoint of a former name goes, and another stack's stays."""
    own, other = f"{local_session.stack_name}-former", f"{local_session.stack_name}-other"
    _make(local_session, own, local_session.stack_name)
    for owner in (local_session.stack_name, "pets"):
        local_session.sagemaker.create_model_card(
            ModelCardName=f"{own}-{owner}", Content="{}", ModelCardStatus="Approved",
            Tags=[{"Key": "retriever:Stack", "Value": owner}],
        )  # fmt: skip
    _make(local_session, other, "pets")
    printed: list[str] = []

    assert teardown.down(local_session, printed.append) == ""

    assert tagged.find(local_session, printed.append) == tagged.Tagged()
    assert {own, other} & _names(local_session) == {other}
    assert f"deleting endpoint {own!r} ..." in printed
    assert "deleted 1 endpoint configs and 1 models" in printed
    assert "deleted 1 model cards" in printed
    cards = local_session.sagemaker.list_model_cards(NameContains=own)["ModelCardSummaries"]
    assert [card["ModelCardName"] for card in cards] == [f"{own}-pets"]
    with pytest.raises(StackError, match="there is nothing to remove"):
        teardown.down(local_session, printed.append)


def test_an_endpoint_made_by_hand_is_left_and_named(local_session: Session) -> None:
    """It serves a model of the stack, whose config goes; a person has to know that it goes on being billed."""
    own, by_hand = f"{local_session.stack_name}-own", f"{local_session.stack_name}-by-hand"
    _make(local_session, own, local_session.stack_name)
    local_session.sagemaker.create_endpoint(EndpointName=by_hand, EndpointConfigName=own)
    printed: list[str] = []

    teardown.down(local_session, printed.append)

    assert any(f"left: endpoint {by_hand!r}" in line and "delete-endpoint" in line for line in printed)
    assert by_hand in _names(local_session)


def test_what_may_not_be_seen_of_cards_is_said(local_session: Session, faults: Faults) -> None:
    """Nothing depends on a model card, so that all else is looked for."""
    printed: list[str] = []
    faults.add("error", service="sagemaker", operation="ListModelCards", code="AccessDeniedException", status=403)

    assert tagged.find(local_session, printed.append) == tagged.Tagged()

    assert printed == ["left: the stack's model cards, if there are any; ListModelCards: AccessDeniedException"]
