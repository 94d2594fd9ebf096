"""What every test gets: no network, no AWS settings of the machine, and on request a running embedded account."""

from collections.abc import Iterator
from typing import Any

import pytest
from embedded_account.pytest_plugin import RunningAccount
from xdist.scheduler import LoadScopeScheduling

# What tests hand to functions, machines and jobs when their subject is not who may do what: every service may assume
# them, and they may do everything.
_ROLES = ("tester", "serving", "pipeline", "scheduler", "retriever-sagemaker", "retriever-pipeline")


_ACCOUNTS_OF_THEIR_OWN = ("tests/flow/test_newcomer.py", "tests/flow/test_killed_account.py")


class ModuleScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Keeps a module's tests on one worker, and those of tests/flow that share a stack and go on from each other."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        shares_a_stack = module.startswith("tests/flow/") and module not in _ACCOUNTS_OF_THEIR_OWN
        return "tests/flow" if shares_a_stack else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling:
    """Give the tests to the workers of `pytest -n` by module."""
    return ModuleScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the flow and with the modules that have slow tests, so that no worker ends with a long one alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.parent.name != "flow", item.path not in slow))


@pytest.fixture(scope="session")
def account_options() -> dict[str, Any]:
    """Record what each role uses: tests/flow looks at it."""
    return {"record_permissions": True}


@pytest.fixture(scope="session")
def account_roles() -> tuple[str, ...]:
    """Give each account the roles that tests hand out."""
    return _ROLES


@pytest.fixture(scope="session")
def account(account: RunningAccount) -> Iterator[RunningAccount]:
    """Give the running account that the session's tests share, as the one that deploy.py finds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRIEVER_LOCAL_FOLDER", str(account.folder))
        yield account


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """Give template.yaml as CloudFormation sees it, its transforms carried out."""
    from ops.stack.expand_template import expand, read_template

    return dict(expand(read_template()))


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the resources of the template by their logical ids."""
    return dict(template["Resources"])
