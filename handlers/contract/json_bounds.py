"""JSON that somebody else wrote, read within a bound of memory that is reckoned before anything is built."""

import sys
from typing import Any

from handlers.contract import strict_json

_OBJECT_BYTES = 260  # an empty dict and the table of its first keys
_ARRAY_BYTES = 120  # an empty list and the room of its first members
_KEY_BYTES = 300  # a key, its place in a dict and in a pair, and the decoder's note of it
_MEMBER_BYTES = 90  # a number or a short string, and its place
_SURROGATES = (rb"\ud", rb"\uD")  # escapes that may make their string four bytes a character


def bounded_json(data: bytes, max_bytes: int) -> Any:
    """Return the value of `data`, which takes at most `max_bytes` of memory while it is read.

    Raises:
        ValueError: it is no strict JSON, or takes more.
    """
    text = data.decode("utf-8")
    needed = _needed(data, sys.getsizeof(text))
    if needed > max_bytes:
        raise ValueError(f"it takes {needed / 1e6:.0f} MB to read; at most {max_bytes / 1e6:.0f} MB are taken")
    return strict_json.parse(text)


def _needed(data: bytes, text_bytes: int) -> int:
    """Return what `data`, its text and what becomes of it take at most."""
    is_narrow = data.isascii() and not any(escape in data for escape in _SURROGATES)
    strings = len(data) if is_narrow else 4 * len(data)
    values = (
        _OBJECT_BYTES * data.count(b"{")
        + _ARRAY_BYTES * data.count(b"[")
        + _KEY_BYTES * data.count(b":")
        + _MEMBER_BYTES * (data.count(b",") + 1)
    )
    return len(data) + text_bytes + strings + values
