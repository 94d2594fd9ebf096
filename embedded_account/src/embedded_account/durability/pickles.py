"""Pickles of live state, made of data alone: what belongs to the process is named, not copied."""

import io
import pickle
import threading
import types
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from embedded_account.durability.allowed import ForbiddenError, check, lookup

_LOCKS = (type(threading.Lock()), type(threading.RLock()))
_EMPTY_FACTORIES = (dict, list, set)


class UnpicklableError(Exception):
    """A state holds something that cannot be written to a file."""


def dumps(state: Any, named: Mapping[str, Any]) -> bytes:
    """Return `state` as bytes; the objects in `named` are written by their names.

    Raises:
        UnpicklableError: it holds a socket, a thread or the like, or something that `loads` would not make.
    """
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, {id(value): name for name, value in named.items()})
    try:
        pickler.dump(state)
    except (TypeError, AttributeError, pickle.PicklingError, ForbiddenError) as error:
        raise UnpicklableError(str(error)) from error
    return buffer.getvalue()


def loads(content: bytes, named: Mapping[str, Any]) -> Any:
    """Return the state that `dumps` made `content` of.

    Raises:
        ForbiddenError: `content` would call or make something that is no data; nothing has been run.
    """
    return _Unpickler(io.BytesIO(content), named).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, names: Mapping[int, str]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._names = names

    def persistent_id(self, obj: Any) -> str | None:
        """Return the name of an object of the process."""
        return self._names.get(id(obj))

    def reducer_override(self, obj: Any) -> Any:
        """Say how to make anew what Python does not pickle by itself."""
        if isinstance(obj, (*_LOCKS, threading.Event, threading.Condition)):
            return _reduce_lock(obj)
        if isinstance(obj, Path):  # its class has another module in each Python
            return _new_path, (str(obj),)
        if isinstance(obj, WeakValueDictionary):
            return WeakValueDictionary, (dict(obj),)
        if isinstance(obj, defaultdict) and type(obj) is not defaultdict:  # moto's own ask for arguments
            return _new_defaultdict, (type(obj), obj.default_factory), vars(obj), None, iter(obj.items())
        if isinstance(obj, types.FunctionType) and obj.__name__ == "<lambda>":
            return _reduce_factory(obj)
        if isinstance(obj, type | types.FunctionType | types.BuiltinFunctionType):
            check(str(obj.__module__), obj.__qualname__)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, named: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._named = named

    def persistent_load(self, pid: str) -> Any:
        """Return the object of this process that has the name."""
        if pid not in self._named:
            raise ForbiddenError(f"state: names {pid!r}, which is no part of the account; it is not taken back")
        return self._named[pid]

    def find_class(self, module_name: str, global_name: str) -> Any:
        """Return a class of data, or a function that makes some; refuse all else."""
        return lookup(module_name, global_name)


def _reduce_lock(obj: Any) -> Any:
    """Return how to make a free one of its kind; by themselves some would name the methods of another."""
    if isinstance(obj, threading.Event):
        return _new_event, (obj.is_set(),)
    if isinstance(obj, threading.Condition):
        return _new_condition, ()
    return _new_lock, (isinstance(obj, _LOCKS[1]),)


def _new_lock(is_reentrant: bool) -> Any:
    return threading.RLock() if is_reentrant else threading.Lock()


def _new_path(path: str) -> Path:
    return Path(path)


def _new_condition() -> threading.Condition:
    return threading.Condition()


def _new_event(is_set: bool) -> threading.Event:
    event = threading.Event()
    if is_set:
        event.set()
    return event


def _new_defaultdict(kind: Any, factory: Any) -> Any:
    made = kind.__new__(kind)
    defaultdict.__init__(made, factory)
    return made


def _reduce_factory(function: types.FunctionType) -> Any:
    """Return how to make the default factory of one of moto's dictionaries: a lambda that gives an empty container."""
    made = function() if function.__code__.co_argcount == 0 else None
    for kind in _EMPTY_FACTORIES:
        if type(made) is kind and not made:
            return _factory, (kind.__name__,)
    if type(made) is defaultdict and made.default_factory is dict and not made:
        return _factory, ("nested",)
    raise pickle.PicklingError(f"lambda in {function.__qualname__}")


def _factory(name: str) -> Any:
    """Return what makes an empty container: dict, list, set, or "nested" for dictionaries by key."""
    return _nested if name == "nested" else {kind.__name__: kind for kind in _EMPTY_FACTORIES}[name]


def _nested() -> Any:
    return defaultdict(dict)
