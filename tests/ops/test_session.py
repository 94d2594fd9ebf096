"""ops/session.py: which stack names are taken."""

from typing import Any

import pytest

from ops.errors import StackError
from ops.session import open_session


@pytest.mark.parametrize(
    ("name", "proposal"),
    [
        ("Flowers", "flowers"),
        ("my-STACK-2", "my-stack-2"),
        ("a--b", "a-b"),
        ("ends-", "ends"),
        ("2cats", "cats"),
        ("two words", "two-words"),
        ("x" * 41, "x" * 40),
        ("", "retriever"),
        ("flowers\n", "flowers"),
    ],
)
def test_a_name_that_arns_cannot_carry_is_refused(account: Any, name: str, proposal: str) -> None:
    """The endpoint has the stack's name and its ARN is lower case: policies would not match, after all was paid.

    Source: SageMaker API reference, CreateEndpoint (EndpointName) and CreateModelPackageGroup.
    """
    with pytest.raises(StackError, match=f"at most 40 lower-case letters.*such as '{proposal}'$"):
        open_session(name, account.info)


@pytest.mark.parametrize("name", ["a", "retriever", "flowers-2", "a-b-c", "x" * 40])
def test_a_name_that_arns_carry_is_taken(account: Any, name: str) -> None:
    """Lower-case letters, digits and single hyphens."""
    assert open_session(name, account.info).stack_name == name
