"""Ids that differ from one another and guard nothing.

Asking the system for random bytes takes 10 to 30 microseconds in some virtual machines, and each answer of S3 and each
event of it has several ids.
"""

from random import Random
from uuid import UUID

_random = Random()  # noqa: S311 (for no secret)


def new_uuid() -> str:
    """Return a UUID of version 4."""
    return str(UUID(int=_random.getrandbits(128), version=4))


def hex_id(num_digits: int) -> str:
    """Return an id of upper-case hexadecimal digits."""
    return f"{_random.getrandbits(4 * num_digits):0{num_digits}X}"


def random_bytes(count: int) -> bytes:
    """Return `count` bytes."""
    return _random.randbytes(count)
