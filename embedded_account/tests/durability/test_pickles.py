"""State as bytes: locks are made anew, objects of the process are named, the rest is refused."""

import socket
import threading
from collections import defaultdict
from weakref import WeakValueDictionary

import pytest
from embedded_account.durability.pickles import UnpicklableError, dumps, loads


class Thing:
    """Something with a lock, and a reference to something that belongs to the process."""

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.lock = threading.Lock()
        self.reentrant = threading.RLock()
        self.event = threading.Event()
        self.by_name = defaultdict(lambda: {})
        self.nested = defaultdict(lambda: defaultdict(dict))
        self.weak = WeakValueDictionary({"self": self})


def test_what_moto_holds_comes_back_whole():
    """Locks are new and free, default factories work, weak references refer to the same objects."""
    owner = object()
    thing = Thing(owner)
    thing.by_name["a"]["b"] = 1

    again = loads(dumps(thing, {"owner": owner}), {"owner": owner})

    assert again.owner is owner
    assert again.lock.acquire(blocking=False)
    assert again.reentrant.acquire(blocking=False)
    assert not again.event.is_set()
    assert (again.by_name["a"], again.by_name["new"]) == ({"b": 1}, {})
    assert again.nested["a"]["b"] == {}
    assert again.weak["self"] is again


class Counted(defaultdict):
    """A dictionary of moto's sort: its own kind of defaultdict, with arguments."""

    def __init__(self, region: str) -> None:
        super().__init__(list)
        self.region = region


def test_a_dictionary_that_asks_for_arguments_comes_back():
    """Its members, its entries and its factory are those it had."""
    counted = Counted("here")
    counted["a"].append(1)

    again = loads(dumps(counted, {}), {})

    assert (type(again), again.region, dict(again), again["new"]) == (Counted, "here", {"a": [1]}, [])


def test_what_cannot_be_kept_is_refused():
    """A socket has no meaning in another process."""
    with socket.socket() as opened, pytest.raises(UnpicklableError, match="socket"):
        dumps({"socket": opened}, {})
