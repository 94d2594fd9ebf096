"""Tests of the order in which resources are worked on."""

import threading
import time

import pytest
from embedded_account.cloudformation import graph
from embedded_account.cloudformation.errors import TemplateError
from hypothesis import given
from hypothesis import strategies as st

# Each node depends on some of those before it.
GRAPHS = (
    st.integers(0, 12)
    .flatmap(lambda size: st.tuples(*(st.sets(st.integers(0, max(0, index - 1))) for index in range(size))))
    .map(lambda sets: {str(name): {str(other) for other in needed if other < name} for name, needed in enumerate(sets)})
)


@given(GRAPHS)
def test_order_respects_dependencies(dependencies: dict[str, set[str]]) -> None:
    """Every name comes once, after all it depends on."""
    order = graph.in_order(dict(reversed(dependencies.items())))

    assert sorted(order) == sorted(dependencies)
    assert all(order.index(other) < order.index(name) for name, needed in dependencies.items() for other in needed)


@given(GRAPHS, st.integers(1, 4))
def test_run_works_through_all_in_order(dependencies: dict[str, set[str]], num_workers: int) -> None:
    """Nothing begins before all that it depends on has ended."""
    ended: set[str] = set()
    early: list[str] = []

    def work(name: str) -> bool:
        if not dependencies[name] <= ended:
            early.append(name)
        ended.add(name)
        return True

    assert graph.run(dependencies, work, num_workers=num_workers) == set()
    assert ended == set(dependencies)
    assert not early


@given(GRAPHS, st.integers(0, 11))
def test_run_never_begins_what_depends_on_a_failure(dependencies: dict[str, set[str]], failing: int) -> None:
    """Without stop_on_failure, all that does not depend on the failure is done all the same."""
    done: set[str] = set()

    def work(name: str) -> bool:
        done.add(name)
        return name != str(failing)

    failed = graph.run(dependencies, work, num_workers=2, stop_on_failure=False)

    blocked = set(failed)
    for name, needed in dependencies.items():
        if needed & blocked:
            blocked.add(name)
    assert failed == {str(failing)} & set(dependencies)
    assert done == set(dependencies) - (blocked - failed)


def test_run_works_at_the_same_time() -> None:
    """Two that do not depend on one another meet."""
    barrier = threading.Barrier(2, timeout=10)

    def work(_: str) -> bool:
        barrier.wait()
        return True

    assert graph.run({"a": set(), "b": set()}, work, num_workers=2) == set()


def test_run_begins_nothing_after_a_failure() -> None:
    """With stop_on_failure what is under way ends, and what waits is not begun."""
    done = []

    def work(name: str) -> bool:
        if name == "slow":
            time.sleep(0.05)  # real time: the other has failed by then
        done.append(name)
        return name != "bad"

    failed = graph.run({"slow": set(), "bad": set(), "late": {"slow"}}, work, num_workers=2)

    assert failed == {"bad"}
    assert sorted(done) == ["bad", "slow"]


def test_circles_are_named() -> None:
    """Only what lies on the circle is listed."""
    with pytest.raises(TemplateError, match=r"Circular dependency between resources: \[a, b\]"):
        graph.in_order({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()})


def test_reverse_turns_the_arrows() -> None:
    """What depends on a name becomes what the name depends on."""
    assert graph.reverse({"a": set(), "b": {"a"}}) == {"a": {"b"}, "b": set()}
