"""What the tests of SageMaker's parts share."""

import pytest

from tests.conftest import RunningAccount
from tests.local.sagemaker.jobs import Workbench, new_workbench


@pytest.fixture(scope="session")
def workbench(account: RunningAccount) -> Workbench:
    """Give a bucket and a role to run jobs with."""
    return new_workbench(account)
