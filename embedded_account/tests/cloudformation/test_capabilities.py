"""Tests of what a caller must acknowledge."""

from typing import Any

import pytest
from embedded_account.cloudformation import capabilities

ROLE: dict[str, Any] = {"Type": "AWS::IAM::Role"}
NAMED: dict[str, Any] = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}


@pytest.mark.parametrize(
    ("resources", "given", "missing"),
    [
        ({"T": {"Type": "AWS::SNS::Topic"}}, [], ""),
        ({"R": ROLE}, [], "CAPABILITY_IAM"),
        ({"R": ROLE}, ["CAPABILITY_IAM"], ""),
        ({"R": ROLE}, ["CAPABILITY_NAMED_IAM"], ""),
        ({"R": NAMED}, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
        ({"R": NAMED}, ["CAPABILITY_NAMED_IAM"], ""),
        ({"R": NAMED}, ["CAPABILITY_AUTO_EXPAND"], "CAPABILITY_NAMED_IAM"),
    ],
)
def test_iam_resources_need_a_capability(resources: dict[str, Any], given: list[str], missing: str) -> None:
    """A named role needs the stronger one, which includes the weaker."""
    assert capabilities.missing(resources, given) == missing
