"""The policy of a browser's upload, without an account. Source: Amazon S3 API reference, "POST Policy"."""

import base64
import json
from typing import Any

import pytest
from embedded_account.iam.post_policies import PostPolicy
from embedded_account.iam.s3_answers import S3Error

_END = "2026-11-30T12:00:00.000Z"
_BEFORE, _AFTER = 1_796_000_000.0, 1_800_000_000.0


def _encoded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def _check(conditions: list[Any], fields: dict[str, str], *, num_bytes: int = 3, now: float = _BEFORE) -> None:
    PostPolicy.parse(_encoded({"expiration": _END, "conditions": conditions})).check(fields, num_bytes, now)


def test_policy_ends_at_its_expiration() -> None:
    """A form that was good is refused afterwards."""
    _check([], {})

    with pytest.raises(S3Error, match="Policy expired"):
        _check([], {}, now=_AFTER)


def test_names_of_fields_are_of_any_case() -> None:
    """And what they hold is not."""
    _check([["eq", "$X-Amz-Meta-A", "One"], {"ACL": "private"}], {"x-amz-meta-a": "One", "acl": "private"})

    with pytest.raises(S3Error, match="Condition failed"):
        _check([["eq", "$x-amz-meta-a", "One"]], {"x-amz-meta-a": "one"})


def test_condition_on_a_field_that_is_missing_fails() -> None:
    """Even one that any text fulfils."""
    with pytest.raises(S3Error, match="Condition failed"):
        _check([["starts-with", "$Content-Type", ""]], {})


def test_each_of_several_content_types_must_fit() -> None:
    """A list of them is no way around a condition."""
    _check([["starts-with", "$Content-Type", "image/"]], {"content-type": "image/jpeg,image/png"})

    with pytest.raises(S3Error, match="Condition failed"):
        _check([["starts-with", "$Content-Type", "image/"]], {"content-type": "image/jpeg,text/html"})


def test_bounds_of_the_size_belong_to_it() -> None:
    """Written as numbers or as text."""
    for bounds in ((3, 3), ("3", "3")):
        _check([["content-length-range", *bounds]], {})


def test_some_fields_need_no_condition() -> None:
    """Those of the signature, and those that are to be ignored."""
    _check([], {"policy": "p", "x-amz-signature": "s", "x-ignore-me": "1"})


@pytest.mark.parametrize(
    "document",
    [
        {"conditions": []},
        {"expiration": _END},
        {"EXPIRATION": _END, "conditions": []},
        {"expiration": "tomorrow", "conditions": []},
        {"expiration": 5, "conditions": []},
        {"expiration": _END, "conditions": {}},
        {"expiration": _END, "conditions": [{}]},
        {"expiration": _END, "conditions": [{"key": 1}]},
        {"expiration": _END, "conditions": ["key"]},
        {"expiration": _END, "conditions": [["content-length-range", 0]]},
        {"expiration": _END, "conditions": [["ends-with", "$key", "a"]]},
        [],
        "text",
    ],
)
def test_what_is_no_policy_is_refused(document: Any) -> None:
    """Before anything in it is looked at."""
    with pytest.raises(S3Error, match="Invalid Policy"):
        PostPolicy.parse(_encoded(document))


@pytest.mark.parametrize("text", ["", "not base64!", "ew=="])
def test_text_that_is_no_json_is_refused(text: str) -> None:
    """Whatever it decodes to."""
    with pytest.raises(S3Error, match="Invalid JSON"):
        PostPolicy.parse(text)
