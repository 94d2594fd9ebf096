"""Uploads whose events come several times, or out of order, through EventBridge to the function of the stack."""

import itertools
from collections.abc import Iterator
from functools import partial

import pytest

import embedded_account
from embedded_account import Faults
from tests.flow.deployment import Deployment, answers_of, executions_of
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.account]

# Of the account's clock, four times as fast as the real one: no machine is so slow that the next event comes by itself.
_TOLD = "Object Created > *-start-execution"  # and not the queue of arrivals
_GAP_SECONDS = 400
_OLD = "the event is a duplicate, or older than one that was handled"


@pytest.fixture(scope="module", autouse=True)
def _unswept(stack: Deployment) -> Iterator[None]:
    """Let no sweep start what an event is about to tell of: as the clock goes on, either may come first."""
    stack.switch_schedule("queue-sweep", "DISABLED")
    yield
    stack.switch_schedule("queue-sweep", "ENABLED")


@pytest.fixture
def faults(stack: Deployment) -> Iterator[Faults]:
    """Break the stack's account on purpose."""
    remote = Faults(stack.account.info)
    yield remote
    remote.clear()


def _answers(stack: Deployment, dataset: str, num_events: int) -> list[str] | None:
    """Return what the function said of the dataset's events, or None while it has not handled so many."""
    lines = answers_of(stack, dataset)
    return lines if len(lines) >= num_events else None


def _all_ended(stack: Deployment, dataset: str) -> bool:
    return all(stack.wait_until_ended(arn) for arn in executions_of(stack, dataset))


@pytest.mark.parametrize("copies", [1, 2, 3, 10])
def test_an_event_that_comes_several_times_starts_one_execution(stack: Deployment, faults: Faults, copies: int) -> None:
    """One delivery starts the execution, each other one is said to be a duplicate."""
    dataset = f"told{copies}"
    if copies > 1:
        faults.add("duplicate-event", name=_TOLD, copies=copies)

    stack.put(f"datasets/{dataset}/_SUCCESS")

    lines = wait_for(partial(_answers, stack, dataset, copies), 60)
    assert len(executions_of(stack, dataset)) == 1
    assert sum(_OLD in line for line in lines) == copies - 1
    assert _all_ended(stack, dataset)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=lambda order: "".join(map(str, order)))
def test_an_event_that_comes_after_a_newer_one_starts_nothing(
    stack: Deployment, faults: Faults, order: tuple[int, ...]
) -> None:
    """Three uploads of one dataset, their events in each order: the first to come starts what lies there by then.

    Later ones are older, or tell of what was started on already, though that has failed by then.
    """
    dataset = "order" + "".join(map(str, order))
    for number in range(3):
        seconds = _GAP_SECONDS * (order.index(number) + 1)
        delay = faults.add("delay-event", name=_TOLD, seconds=seconds)
        stack.put(f"datasets/{dataset}/_SUCCESS")
        wait_for(partial(faults.happened, delay), 30)  # events are handed on beside one another: each meets its own

    for num_events in (1, 2, 3):
        embedded_account.advance_clock(stack.account.info, _GAP_SECONDS)
        lines = wait_for(partial(_answers, stack, dataset, num_events), 60)
        assert _all_ended(stack, dataset)

    num_newest = sum(number == max(order[: place + 1]) for place, number in enumerate(order))
    assert len(executions_of(stack, dataset)) == 1
    assert sum(_OLD in line for line in lines) == 3 - num_newest
    assert sum("was started on this upload already" in line for line in lines) == num_newest - 1
