"""A deployed stack and a dataset in production, shared by the tests of the whole flow.

The stack runs on a small network and a few pictures, so that one execution takes seconds; nothing else differs from
what `deploy.py up --local` gives a person.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded_account import Faults
from tests.flow.deployment import Deployment
from tests.flow.load import steady_load
from tests.flow.pictures import BROKEN, as_table, write_dataset
from tests.flow.shadow import shadow_of_next_model
from tests.waiting import wait_for

_ORDER = (
    "once",
    "success",
    "rollback",
    "schedule",
    "events",
    "refusals",
    "approval",
    "standby",
    "features",
    "archives",
    "rare_jobs",
    "rare_paths",
    "numbers",
    "permissions",
    "newcomer",
    "killed_account",
    "lifecycle",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in the order of a stack's life: most share one, and the later ones change it."""
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
def asked(account_at_speed: Callable[[float], Any], dataset: Path) -> tuple[Deployment, str]:
    """Give a second stack, which trains the head alone, and the name of its run, which waits for approval."""
    deployment = Deployment(account_at_speed(4.0), "frozen")
    deployment.up(
        Trainable="head",
        Epochs=30,
        TuningEpochs=5,
        MaxTuningJobs=4,
        FeatureViews=2,
        ApprovalRequired="true",
        StopWhenIdleMinutes=10_080,
    )
    name = deployment.run("upload", str(dataset), "--dataset", "colours").stdout.strip().rpartition(":")[2]
    wait_for(lambda: "WaitsSince" in deployment.record(f":{name}"), 120)
    return deployment, name


@pytest.fixture(scope="session")
def waiting_page(asked: tuple[Deployment, str]) -> str:
    """Give the page of `deploy.py status` while the run waits."""
    deployment, name = asked
    return deployment.run("status", name).stdout


@pytest.fixture(scope="session")
def frozen(asked: tuple[Deployment, str], waiting_page: str) -> Deployment:
    """Give the second stack once a person has said yes and the colours are in production."""
    deployment, name = asked
    deployment.run("approve", name, "--reason", "looked at it", "--watch")
    return deployment


@pytest.fixture(scope="session")
def no_sweep(frozen: Deployment) -> None:
    """Let no schedule of that stack put in order what a test is about to look at."""
    frozen.switch_schedule("sweep", "DISABLED")


@pytest.fixture
def broken(stack: Deployment) -> Iterator[Faults]:
    """Give the means to break the stacks' account."""
    remote = Faults(stack.account.info)
    yield remote
    remote.clear()


@pytest.fixture(scope="session")
def production(stack: Deployment, dataset: Path) -> str:
    """Give the ARN of the execution that put the colours into production, though its upload was told of ten times."""
    Faults(stack.account.info).add("duplicate-event", name="Object Created > *-start-execution", copies=10)
    stack.run("upload", str(dataset), "--dataset", "colours", "--watch")
    return stack.wait_for_execution("colours")


@pytest.fixture(scope="session")
def update(stack: Deployment, production: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[int]]:
    """Put a changed dataset, with one broken picture, into production under load; give its ARN and what callers saw."""
    changed = as_table(write_dataset(tmp_path_factory.mktemp("changed"), train=26, seed=1))
    (changed / BROKEN).write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    with shadow_of_next_model(stack), steady_load(stack) as outcomes:
        stack.run("upload", str(changed), "--dataset", "colours", "--watch")
    return stack.executions()[0]["executionArn"], outcomes
