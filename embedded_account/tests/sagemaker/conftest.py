"""What the tests of SageMaker's parts share."""

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.jobs import Workbench, new_workbench


@pytest.fixture(scope="session")
def workbench(account: RunningAccount) -> Workbench:
    """Give a bucket and a role to run jobs with."""
    return new_workbench(account)
