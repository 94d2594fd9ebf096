"""JSON that every reader reads alike, in what comes and in what goes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.contract import strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "NaN", "[NaN]", '{"a": Infinity}', "-Infinity", "1e999", "-1e999", "[1" + "0" * 399 + "]", "9" * 6000,
        '{"a": 1, "a": 2}', "[" * 100_000, "", "{", "nul", b"\xff\xfe", b"\x80", "[1,]", "'a'",
    ],
)  # fmt: skip
def test_what_is_no_strict_json_is_refused(text: str | bytes) -> None:
    """Constants of JavaScript, numbers beyond a double, repeated names and deep nests are one kind of error."""
    with pytest.raises(ValueError, match=r"\w"):
        strict_json.parse(text)


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": {"b": [-float("inf")]}}])
def test_what_is_no_json_is_never_written(value: Any) -> None:
    """A number that is none does not leave the function."""
    with pytest.raises(ValueError, match="JSON compliant"):
        strict_json.written(value)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    """Every value of JSON comes back as it was, in ASCII."""
    text = strict_json.written(value)

    assert text.isascii()
    assert strict_json.parse(text) == value == json.loads(text)
