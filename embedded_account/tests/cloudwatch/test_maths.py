"""Metric maths over series."""

import pytest
from embedded_account.cloudwatch.maths import evaluate, references
from embedded_account.errors import ServiceError

_SERIES = {"a": {0: 1.0, 60: 2.0}, "b": {60: 4.0, 120: 0.0}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + 1", {0: 2.0, 60: 3.0}),
        ("a / b", {60: 0.5}),
        ("1 / b", {60: 0.25}),
        ("-(a * 2)", {0: -2.0, 60: -4.0}),
        ("SUM(METRICS())", {0: 1.0, 60: 6.0, 120: 0.0}),
        ("AVG([a, b])", {0: 1.0, 60: 3.0, 120: 0.0}),
        ("MAX([a, b]) - MIN([a, b])", {0: 0.0, 60: 2.0, 120: 0.0}),
        ("a / MAX(a)", {0: 0.5, 60: 1.0}),
        ("FILL(a, 0) + FILL(b, 0)", {0: 1.0, 60: 6.0, 120: 0.0}),
        ("ABS(a - 3)", {0: 2.0, 60: 1.0}),
        ("2 * a ^ 2", {0: 2.0, 60: 8.0}),
        ("a >= 2", {0: 0.0, 60: 1.0}),
        ("IF(a > 1, 100 * a, 0)", {0: 0.0, 60: 200.0}),
        ("if (a > 1, b, a)", {0: 1.0, 60: 4.0}),
    ],
)
def test_an_expression_combines_by_moment(expression: str, expected: dict[int, float]) -> None:
    """Where an operand has no value, or a divisor is zero, the result has none.

    Source: CloudWatch user guide, "Using math expressions with CloudWatch metrics".
    """
    assert evaluate(expression, _SERIES) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a +", "it is malformed"),
        ("SELECT SUM(m) FROM n", "does not carry this out"),
        ("a + c", "there is no query with the id 'c'"),
        ("METRICS() + 1", "combined by SUM"),
        ("1 + 1", "it gives no single series"),
        ("SUM(1)", "a number is no series"),
        ("FILL(a, b)", "FILL takes a number"),
        ("SEARCH('x')", "SEARCH with 1 arguments is not carried out"),
        ("a if a else b", r"use \+ - \* / \^, comparisons, SUM"),
        ("__import__('os')", "is not carried out here"),
    ],
)
def test_an_expression_that_is_none_is_refused(expression: str, message: str) -> None:
    """The expression and the reason are named; nothing but arithmetic is ever evaluated.

    Source: CloudWatch user guide, "Using math expressions with CloudWatch metrics".
    """
    with pytest.raises(ServiceError, match=message):
        evaluate(expression, _SERIES)


def test_references_are_the_ids_without_the_functions() -> None:
    """Expressions wait for those that they name."""
    assert references("SUM([a, b]) / c") == {"a", "b", "c"}
