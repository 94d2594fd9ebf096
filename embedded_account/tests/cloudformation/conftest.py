"""What the tests of CloudFormation share."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.stacks import Deployer, taken_down


@pytest.fixture
def deployer(aws: Callable[[str], Any]) -> Iterator[Deployer]:
    """Give a stack that does not exist yet; it is deleted at the end."""
    yield from taken_down(aws)
