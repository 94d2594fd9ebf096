"""Every change to moto's internals, one module a service; each is guarded by an assertion on what it replaces.

moto is pinned exactly. When it is upgraded, the assertions and tests/local/moto_patches say what moved.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import moto

MOTO_VERSION = "5.2.5"


def check_version() -> None:
    """Raise unless the moto that is installed is the one these patches were written for."""
    if moto.__version__ != MOTO_VERSION:
        raise RuntimeError(f"moto: {moto.__version__!r} is installed; the embedded account needs {MOTO_VERSION!r}")


def replace(
    owner: Any, name: str, replacement: Callable[..., Any], *, parameters: tuple[str, ...]
) -> Callable[..., Any]:
    """Replace the function `owner.name`, whose positional parameters must be `parameters`; return the original."""
    original: Callable[..., Any] = getattr(owner, name)
    code = original.__code__
    found = code.co_varnames[: code.co_argcount]
    assert found == parameters, f"{owner.__name__}.{name}{found} is not {parameters}; was moto upgraded?"
    setattr(owner, name, replacement)
    return original


def mount(service: str, url_paths: dict[str, Callable[..., Any]]) -> None:
    """Serve `url_paths` instead of moto's own for `service` (moto's package name); call before its first request."""
    module = import_module(f"moto.{service}.urls")
    assert isinstance(module.url_paths, dict), f"moto.{service}.urls.url_paths moved; was moto upgraded?"
    setattr(module, "url_paths", dict(url_paths))  # noqa: B010 (mypy knows no such attribute)
