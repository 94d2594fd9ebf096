"""A deployed stack and a dataset in production, shared by the tests of the whole flow.

The stack runs on a small network and a few pictures, so that one execution takes seconds; nothing else differs from
what `deploy.py up --local` gives a person.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedded_account import Faults
from tests.flow.deployment import Deployment
from tests.flow.pictures import write_dataset

_ORDER = (
    "once",
    "success",
    "schedule",
    "events",
    "refusals",
    "features",
    "rare_paths",
    "permissions",
    "newcomer",
    "lifecycle",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in the order of a stack's life: they share one, and the later ones change it."""
    order = {f"test_{name}.py": position for position, name in enumerate(_ORDER)}
    positions = [index for index, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted((items[index] for index in positions), key=lambda item: order[item.path.name])
    for index, item in zip(positions, ordered, strict=True):
        items[index] = item


@pytest.fixture(scope="session")
def stack(account_at_speed: Callable[[float], Any]) -> Deployment:
    """Give a deployed stack on a clock that runs a little faster than the real one."""
    deployment = Deployment(account_at_speed(4.0), "flow")
    deployment.up()
    return deployment


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an image folder of three colours."""
    return write_dataset(tmp_path_factory.mktemp("colours"))


@pytest.fixture(scope="session")
def production(stack: Deployment, dataset: Path) -> str:
    """Give the ARN of the execution that put the colours into production, though its upload was told of ten times."""
    Faults(stack.account.info).add("duplicate-event", name="Object Created", copies=10)
    stack.run("upload", str(dataset), "--dataset", "colours", "--watch")
    return stack.wait_for_execution("colours")
