"""State as bytes: locks are made anew, objects of the process are named, the rest is refused."""

import os
import pickle
import socket
import subprocess
import threading
from collections import defaultdict
from pathlib import Path
from weakref import WeakValueDictionary

import pytest
from embedded_account.durability import allowed
from embedded_account.durability.allowed import ForbiddenError
from embedded_account.durability.pickles import UnpicklableError, dumps, loads


@pytest.fixture(autouse=True)
def _classes_of_this_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let states hold the classes that stand here, as if they were data of the account."""
    monkeypatch.setitem(allowed._NAMES, __name__, {"Thing", "Counted"})


class Thing:
    """Something with a lock, and a reference to something that belongs to the process."""

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.lock = threading.Lock()
        self.reentrant = threading.RLock()
        self.event = threading.Event()
        self.condition = threading.Condition()
        self.by_name: dict[str, dict[str, int]] = defaultdict(lambda: {})
        self.nested: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
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
    assert again.condition.acquire(blocking=False)
    assert (again.by_name["a"], again.by_name["new"]) == ({"b": 1}, {})
    assert again.nested["a"]["b"] == {}
    assert again.weak["self"] is again


def test_a_path_is_read_by_any_python():
    """A path comes back as it was; the state names no class of pathlib, whose module differs from Python to Python."""
    content = dumps({"file": Path("/a/b")}, {})

    assert loads(content, {}) == {"file": Path("/a/b")}
    assert b"pathlib" not in content


class Counted(defaultdict[str, list[int]]):
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


class Unlisted:
    """A class that no list names."""


class Planted:
    """What a pickle of it runs when it is read: `function(*arguments)`."""

    def __init__(self, function: object, *arguments: object) -> None:
        self._reduced = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self._reduced


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (os.system, ("touch planted",), r"posix\.system"),
        (subprocess.Popen, (["touch", "planted"],), r"subprocess\.Popen"),
        (eval, ("open('planted', 'w')",), r"builtins\.eval"),
        (getattr, ("text", "upper"), r"builtins\.getattr"),
        (Planted, (), r"\.Planted"),
    ],
)
def test_a_planted_call_is_refused(function, arguments, named, tmp_path, monkeypatch):
    """Whatever a file wants to call beside data is named, and nothing of it has run."""
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps({"before": 1, "planted": Planted(function, *arguments)})

    with pytest.raises(ForbiddenError, match=named):
        loads(content, {})

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["Environment", "os", "importlib.import_module"])
def test_only_named_classes_of_ours_can_be_made(name):
    """A class that starts a process is none of them, nor is what a module has imported."""
    with pytest.raises(ForbiddenError, match="is no data of an account; it is not taken back"):
        allowed.lookup("embedded_account.lambda_.environment", name)


def test_a_function_of_a_module_of_data_cannot_be_called():
    """Of moto's modules it is their own classes alone."""
    with pytest.raises(ForbiddenError, match="which is no class of that module"):
        allowed.lookup("moto.s3.models", "get_moto_s3_account_id")
    with pytest.raises(ForbiddenError, match="which is no class of that module"):
        allowed.lookup("moto.s3.models", "BaseModel")


def test_what_would_not_be_taken_back_is_not_written():
    """A class that is missing in the list is noticed when it is saved, not at the next start."""
    with pytest.raises(UnpicklableError, match="Unlisted"):
        dumps(Unlisted(), {})
    with pytest.raises(UnpicklableError, match=r"os\.system|posix\.system"):
        dumps({"run": os.system}, {})


def test_an_unknown_part_of_the_account_is_refused():
    """A state may refer to the parts that it is given, and to none beside."""
    owner = object()

    with pytest.raises(ForbiddenError, match="names 'owner', which is no part of the account"):
        loads(dumps({"owner": owner}, {"owner": owner}), {})


def test_an_event_comes_back_set_or_not():
    """Without the methods of its lock, which no state may name."""
    events = [threading.Event(), threading.Event()]
    events[0].set()

    assert [event.is_set() for event in loads(dumps(events, {}), {})] == [True, False]
