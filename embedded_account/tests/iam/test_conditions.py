"""Tests of local/iam/conditions.py."""

import pytest
from embedded_account.iam.conditions import parse_condition
from embedded_account.iam.context import Context
from embedded_account.iam.errors import MalformedPolicyError
from hypothesis import given
from hypothesis import strategies as st


def holds(operator: str, wanted: list[str], sent: str | list[str] | None, **others: str) -> bool:
    context = Context(({"k": sent} if sent is not None else {}) | {f"aws:{name}": v for name, v in others.items()})
    return parse_condition(operator, "K", wanted).holds(context)


@pytest.mark.parametrize(
    ("operator", "wanted", "sent", "expected"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", ["a"], "A", False),
        ("StringEquals", ["a*"], "ab", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", ["Ab"], "aB", True),
        ("StringNotEqualsIgnoreCase", ["Ab"], "aB", False),
        ("StringLike", ["runs/*"], "runs/1/x", True),
        ("StringLike", ["run?/"], "runs/", True),
        ("StringNotLike", ["runs/*"], "datasets/1", True),
        ("NumericEquals", ["10"], "10.0", True),
        ("NumericNotEquals", ["10"], "11", True),
        ("NumericLessThan", ["10"], "9", True),
        ("NumericLessThanEquals", ["10"], "10", True),
        ("NumericGreaterThan", ["10"], "10", False),
        ("NumericGreaterThanEquals", ["10"], "10", True),
        ("NumericLessThan", ["10"], "few", False),
        ("DateLessThan", ["2026-01-01T00:00:00Z"], "2025-12-31T23:59:59Z", True),
        ("DateGreaterThan", ["2026-01-01T00:00:00Z"], "1893456000", True),
        ("DateEquals", ["2026-01-01T00:00:00Z"], "1767225600", True),
        ("DateNotEquals", ["2026-01-01"], "2026-01-01T00:00:00Z", False),
        ("DateLessThanEquals", ["2026-01-01"], "tomorrow", False),
        ("DateGreaterThanEquals", ["2026-01-01"], "2026-01-01", True),
        ("Bool", ["true"], "TRUE", True),
        ("Bool", ["false"], "true", False),
        ("BinaryEquals", ["QUJD"], "QUJD", True),
        ("BinaryEquals", ["QUJD"], "not base64", False),
        ("IpAddress", ["10.0.0.0/8", "127.0.0.1"], "127.0.0.1", True),
        ("IpAddress", ["10.0.0.0/8"], "somewhere", False),
        ("NotIpAddress", ["10.0.0.0/8"], "127.0.0.1", True),
        ("ArnEquals", ["arn:aws:sns:*:123456789012:t*"], "arn:aws:sns:us-east-1:123456789012:topic", True),
        ("ArnLike", ["arn:aws:sns:*:topic"], "arn:aws:sns:us-east-1:123456789012:topic", False),
        ("ArnNotEquals", ["arn:aws:sns:*:*:topic"], "arn:aws:sns:us-east-1:1:topic", False),
        ("ArnNotLike", ["arn:aws:sns:*:*:topic"], "arn:aws:sns:us-east-1:1:other", True),
    ],
)
def test_an_operator_compares_as_documented(operator, wanted, sent, expected):
    """Several values of a positive operator are alternatives; of a negated one, none may match.

    Source: IAM user guide, "IAM JSON policy elements: Condition operators".
    """
    assert holds(operator, wanted, sent) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringEqualsIfExists", True),
        ("ArnNotLike", True),
        ("IpAddress", False),
        ("BoolIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
    ],
)
def test_a_missing_key(operator, expected):
    """It fails a positive operator, fulfils a negated one, IfExists and ForAllValues.

    Source: IAM user guide, "IAM JSON policy elements: Condition operators".
    """
    assert holds(operator, ["true"], None) is expected


def test_null_asks_whether_the_key_is_there():
    """Null with true wants it missing, with false wants it present.

    Source: IAM user guide, "IAM JSON policy elements: Condition operators".
    """
    assert holds("Null", ["true"], None)
    assert not holds("Null", ["true"], "x")
    assert holds("Null", ["false"], "x")
    assert not holds("Null", ["false"], None)


def test_sets_of_values():
    """ForAllValues wants every value of the request in the policy, ForAnyValue one.

    Source: IAM user guide, "Set operators for multi-valued context keys".
    """
    assert holds("ForAllValues:StringEquals", ["a", "b"], ["a", "b"])
    assert not holds("ForAllValues:StringEquals", ["a"], ["a", "b"])
    assert holds("ForAnyValue:StringLike", ["a*"], ["x", "ab"])
    assert not holds("ForAnyValue:StringLike", ["a*"], ["x"])


def test_a_value_may_hold_a_variable():
    """${aws:username} in a value is the caller's.

    Source: IAM user guide, "IAM policy elements: Variables and tags".
    """
    assert holds("StringEquals", ["home-${aws:username}"], "home-ann", username="ann")
    assert not holds("StringEquals", ["home-${aws:username}"], "home-")
    assert holds("StringLike", ["${aws:username}/*"], "ann/x", username="ann")
    assert holds("StringEqualsIgnoreCase", ["${aws:username}"], "ANN", username="ann")
    assert holds("ArnLike", ["arn:aws:iam::1:user/${aws:username}"], "arn:aws:iam::1:user/ann", username="ann")


def test_an_unknown_operator_is_refused_by_name():
    """A misspelt operator never quietly holds or fails."""
    with pytest.raises(MalformedPolicyError, match="StringIs"):
        parse_condition("StringIs", "k", ["a"])
    with pytest.raises(MalformedPolicyError, match="ForSome"):
        parse_condition("ForSome:StringEquals", "k", ["a"])


texts = st.text("ab*?/", max_size=4)


@given(
    st.sampled_from(
        [
            ("StringEquals", "StringNotEquals"),
            ("StringLike", "StringNotLike"),
            ("ArnLike", "ArnNotLike"),
            ("NumericEquals", "NumericNotEquals"),
            ("DateEquals", "DateNotEquals"),
            ("IpAddress", "NotIpAddress"),
        ]
    ),
    st.lists(texts, min_size=1, max_size=3),
    texts | st.none(),
)
def test_a_negated_operator_is_the_opposite(pair, wanted, sent):
    """For every value, and for none, exactly one of the two holds."""
    positive, negated = pair

    assert holds(positive, wanted, sent) != holds(negated, wanted, sent)


@given(st.lists(texts, min_size=1, max_size=3), texts)
def test_if_exists_changes_nothing_for_a_key_that_is_there(wanted, sent):
    """IfExists only speaks of a missing key."""
    assert holds("StringLike", wanted, sent) == holds("StringLikeIfExists", wanted, sent)


@given(st.lists(texts, min_size=1, max_size=3), st.lists(texts, min_size=1, max_size=3))
def test_all_values_hold_exactly_when_none_fails(wanted, sent):
    """ForAllValues is the opposite of ForAnyValue with the negated operator."""
    every = holds("ForAllValues:StringEquals", wanted, sent)

    assert every != holds("ForAnyValue:StringNotEquals", wanted, sent)


@given(texts)
def test_every_text_is_like_itself_and_the_wildcard(text):
    """A pattern describes itself, and `*` describes everything."""
    assert holds("StringLike", ["*"], text)
    assert holds("StringEquals", [text], text)
