"""What the tests of CloudFormation share."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.stacks import Deployer


@pytest.fixture
def deployer(aws: Callable[[str], Any]) -> Iterator[Deployer]:
    """Give a stack that does not exist yet; it is deleted at the end."""
    made = Deployer(aws)
    yield made
    if made.stack_id:
        made.down()
