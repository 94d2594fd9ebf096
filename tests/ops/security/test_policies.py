"""Which policies let everybody in, and which allow everything."""

from typing import Any

import pytest

from ops.security.policies import allows_everything, is_broad_name, open_statements


@pytest.mark.parametrize(
    ("statement", "is_everything"),
    [
        ({"Effect": "Allow", "Action": "*", "Resource": "*"}, True),
        ({"Effect": "Allow", "Action": ["s3:GetObject", "sagemaker:*"], "Resource": ["*"]}, True),
        ({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::one/*"}, False),
        ({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}, False),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, False),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, True),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::one"}, False),
    ],
)
def test_a_whole_service_on_everything_is_too_much(statement: dict[str, Any], is_everything: bool) -> None:
    """One statement is a list of one; all but some is a whole too; a denial and a named resource are no such thing."""
    assert allows_everything({"Statement": [statement]}) is is_everything
    assert allows_everything({"Statement": statement}) is is_everything


@pytest.mark.parametrize(
    ("statement", "is_open"),
    [
        ({"Effect": "Allow", "Principal": "*"}, True),
        ({"Effect": "Allow", "Principal": {"AWS": "*"}}, True),
        ({"Effect": "Allow", "Principal": {"AWS": ["*"]}}, True),
        ({"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::1:root", "*"], "Service": "s3.amazonaws.com"}}, True),
        ({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}, False),
        ({"Effect": "Deny", "Principal": "*"}, False),
        ({"Effect": "Allow", "Principal": "*", "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}, False),
        ({"Effect": "Allow", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
    ],
)
def test_everybody_is_open_whatever_the_way(statement: dict[str, Any], is_open: bool) -> None:
    """A condition on who asks narrows everybody, one on how does not; a denial of everybody opens nothing."""
    assert open_statements({"Statement": [statement | {"Sid": "s"}]}) == (["s"] if is_open else [])


def test_policies_of_aws_are_known_by_their_names() -> None:
    """FullAccess of any service, and the two that give an account."""
    assert is_broad_name("AmazonSageMakerFullAccess")
    assert is_broad_name("AdministratorAccess")
    assert not is_broad_name("AWSLambdaBasicExecutionRole")
