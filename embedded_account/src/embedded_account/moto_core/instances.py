"""moto keeps every object, message and execution that it ever made, for a dashboard; here it forgets what is gone.

An overwrite of a key cost two kilobytes for good, and so did a message that was received and deleted.
"""

from typing import Any

from moto.core.common_models import BaseModel


def install() -> None:
    """Let what nothing refers to any more be collected."""
    made: Any = BaseModel.__new__
    if made.__module__ == __name__:
        return
    assert "instances_tracked" in made.__code__.co_names, "moto tracks instances elsewhere; was moto upgraded?"

    def new(cls: Any, *_arguments: Any, **_named: Any) -> Any:
        return object.__new__(cls)

    BaseModel.__new__ = new  # type: ignore[method-assign]
