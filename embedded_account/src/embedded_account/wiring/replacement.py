"""Changes to moto's internals: each stands beside the service it completes and asserts what it replaces.

moto is pinned exactly. When it is upgraded, the assertions and the tests of the services say what moved.
"""

from collections.abc import Callable
from typing import Any

import moto

MOTO_VERSION = "5.2.5"


def check_version() -> None:
    """Raise unless the moto that is installed is the one that the changes were written for."""
    if moto.__version__ != MOTO_VERSION:
        raise RuntimeError(f"moto: {moto.__version__!r} is installed; the embedded account needs {MOTO_VERSION!r}")


def replace(
    owner: Any, name: str, replacement: Callable[..., Any], *, parameters: tuple[str, ...]
) -> Callable[..., Any]:
    """Replace the function `owner.name`, whose positional parameters must be `parameters`; return the original."""
    original: Callable[..., Any] = getattr(owner, name)
    code = original.__code__
    present = code.co_varnames[: code.co_argcount]
    assert present == parameters, f"{owner.__name__}.{name}{present} is not {parameters}; was moto upgraded?"
    setattr(owner, name, replacement)
    return original
