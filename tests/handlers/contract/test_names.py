"""handlers/contract/names.py: every name is one that SageMaker takes, for any dataset name."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.contract import names

_KEYS = st.text("0123456789abcdef", min_size=12, max_size=12)
_ATTEMPTS = st.integers(1, names.MAX_ATTEMPT)
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_TUNING_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")


@given(st.text(), _KEYS, _ATTEMPTS)
def test_execution_name_is_a_job_name(dataset, key, attempt):
    """Any dataset name gives a name of at most 63 allowed characters, which Step Functions takes too."""
    name = names.execution_name(dataset, key, attempt)

    assert _NAME.fullmatch(name)
    assert names.training_job_name(name) == name
    assert name.endswith(f"{key}-{attempt}")


@given(st.text(), _KEYS, _ATTEMPTS)
def test_tuning_job_name_fits_and_keeps_the_attempt(dataset, key, attempt):
    """Tuning jobs have 32 characters; the run key and the attempt survive the cut."""
    name = names.tuning_job_name(names.execution_name(dataset, key, attempt))

    assert _TUNING_NAME.fullmatch(name)
    assert name.endswith(f"{key[:10]}-{attempt}")


@given(st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True))
def test_tuning_job_name_fits_for_any_execution(execution):
    """An execution started by hand may have any name."""
    assert _TUNING_NAME.fullmatch(names.tuning_job_name(execution))


@given(st.text())
def test_a_tag_holds_any_name(value):
    """Letters, digits, spaces and _.:/=+-@, at most 256 of them.

    Source: SageMaker API reference, Tag.
    """
    kept = names.tag_value(value)

    assert len(kept) <= 256
    assert all(character in " _.:/=+-@" or unicodedata.category(character)[0] in "LNZ" for character in kept)


@given(st.text(), _KEYS, st.sets(_ATTEMPTS, min_size=2, max_size=5))
def test_attempts_do_not_share_names(dataset, key, attempts):
    """A second attempt never meets the first one's jobs."""
    executions = {names.execution_name(dataset, key, attempt) for attempt in attempts}

    assert len(executions) == len({names.tuning_job_name(name) for name in executions}) == len(attempts)


def test_names_differ_for_long_names_of_one_beginning():
    """The run key carries the dataset's whole name, which the slug may cut."""
    keys = {names.run_key("x" * 50 + end, "fp", "s3://b/s", "d") for end in "ab"}

    assert len(keys) == 2


@pytest.mark.parametrize("attempt", [0, names.MAX_ATTEMPT + 1])
def test_execution_name_refuses_an_attempt_out_of_range(attempt):
    """The name has room for five digits."""
    with pytest.raises(ValueError, match=f"attempt: {attempt}; expected"):
        names.execution_name("flowers", "0" * 12, attempt)


@given(st.text())
def test_tag_value_is_allowed(value):
    """AWS takes letters, digits, spaces and _.:/=+-@ only, at most 256."""
    tag = names.tag_value(value)

    assert len(tag) <= 256
    assert re.fullmatch(r"[\w .:/=+\-@]*", tag)


def test_client_token_is_a_token():
    """At most 36 characters, the same for the same execution."""
    token = names.client_token("flowers-0123456789ab-1")

    assert re.fullmatch(r"[a-zA-Z0-9-]{1,36}", token)
    assert token == names.client_token("flowers-0123456789ab-1")
