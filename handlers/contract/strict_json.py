"""JSON as RFC 8259 has it, both ways: what Python's own module takes and writes beyond it is refused.

NaN and Infinity are no JSON, a number beyond a double is none to most other readers, and of two members with one name
every reader may take another. Source: RFC 8259, sections 4 and 6.
"""

import json
import math
from typing import Any

_MAX_DIGITS = 400  # of a whole number; those of a double have 309 at most


def parse(text: str | bytes) -> Any:
    """Return the value of `text`.

    Raises:
        ValueError: it is not JSON, nests too deep, repeats a name, or has a number that no double holds.
    """
    try:
        return json.loads(
            text, parse_constant=_refused, parse_float=_finite, parse_int=_whole, object_pairs_hook=_unrepeated
        )
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def written(value: Any) -> str:
    """Return `value` as JSON in ASCII.

    Raises:
        ValueError: it holds NaN or an infinity.
    """
    return json.dumps(value, allow_nan=False)


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number beyond a double")
    return value


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS or not math.isfinite(float(digits)):
        raise ValueError("a number beyond a double")
    return int(digits)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name that comes twice")
    return members
