"""Metric maths: arithmetic and a few functions over the series of a GetMetricData request.

Source: CloudWatch user guide, "Using math expressions with CloudWatch metrics".
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from embedded_account.errors import ServiceError
from embedded_account.wiring.refusals import not_carried_out

Series = Mapping[int, float]  # by the second at which a period starts
Value = float | dict[int, float] | list[dict[int, float]]  # a number, a series, or several series

_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    # 1 where it holds, else 0
    ast.Gt: lambda a, b: float(a > b),
    ast.GtE: lambda a, b: float(a >= b),
    ast.Lt: lambda a, b: float(a < b),
    ast.LtE: lambda a, b: float(a <= b),
    ast.Eq: lambda a, b: float(a == b),
    ast.NotEq: lambda a, b: float(a != b),
}
_QUERY = re.compile(r"\s*SELECT\s", re.IGNORECASE)  # of Metrics Insights
_OVER_SERIES: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
    "MIN": min,
    "MAX": max,
}


def evaluate(expression: str, series: Mapping[str, Series]) -> dict[int, float]:
    """Return the series that `expression` makes of `series`, which are named by the ids of their queries.

    A moment at which an operand has no value has none in the result, nor has one that divides by zero.

    Raises:
        ServiceError: the expression is malformed, or uses what is not carried out here.
    """
    if _QUERY.match(expression):
        raise not_carried_out(f"GetMetricData.Expression {expression!r}", "give a MetricStat, or metric maths")
    try:
        tree = ast.parse(_python(expression), mode="eval").body
    except SyntaxError as error:
        raise _invalid(expression, "it is malformed") from error
    value = _Maths(expression, {name: dict(each) for name, each in series.items()}).value(tree)
    if not isinstance(value, dict):
        raise _invalid(expression, "it gives no single series")
    return value


class _Maths:
    def __init__(self, expression: str, series: dict[str, dict[int, float]]) -> None:
        self._expression = expression
        self._series = series

    def value(self, node: ast.expr) -> Value:
        """Return what a part of the expression stands for."""
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            node = ast.BinOp(node.left, node.ops[0], node.comparators[0])  # type: ignore[arg-type]
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        if isinstance(node, ast.Name):
            if node.id not in self._series:
                raise _invalid(self._expression, f"there is no query with the id {node.id!r}")
            return self._series[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            node = ast.BinOp(ast.Constant(-1.0), ast.Mult(), node.operand)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return self._combine(_OPERATORS[type(node.op)], self.value(node.left), self.value(node.right))
        if isinstance(node, ast.List):
            return [self._one(element) for element in node.elts]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node.func.id.upper(), node.args)
        known = f"+ - * / ^, comparisons, {', '.join(_OVER_SERIES)}, ABS, FILL, IF and METRICS"
        raise not_carried_out(f"metric maths {self._expression!r}", f"use {known}")

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        if name == "METRICS" and not arguments:
            return list(self._series.values())
        if name in _OVER_SERIES and len(arguments) == 1:
            return self._over(_OVER_SERIES[name], self.value(arguments[0]))
        if name == "ABS" and len(arguments) == 1:
            return {at: abs(value) for at, value in self._one(arguments[0]).items()}
        if name == "FILL" and len(arguments) == 2:
            return self._fill(self._one(arguments[0]), self.value(arguments[1]))
        if name == "IF" and len(arguments) == 3:
            return self._choose(self._one(arguments[0]), self.value(arguments[1]), self.value(arguments[2]))
        raise _invalid(self._expression, f"{name} with {len(arguments)} arguments is not carried out here")

    def _over(self, combine: Callable[[list[float]], float], value: Value) -> Value:
        """Return a series out of several by moment, or one number out of one series."""
        if isinstance(value, list):
            moments = sorted({at for each in value for at in each})
            return {at: combine([each[at] for each in value if at in each]) for at in moments}
        if isinstance(value, dict):
            return combine(list(value.values())) if value else {}
        raise _invalid(self._expression, "a number is no series")

    def _fill(self, series: dict[int, float], filling: Value) -> dict[int, float]:
        if not isinstance(filling, float):
            raise _invalid(self._expression, "FILL takes a number here")
        moments = sorted({at for each in self._series.values() for at in each})
        return {at: series.get(at, filling) for at in moments}

    def _choose(self, condition: dict[int, float], yes: Value, no: Value) -> dict[int, float]:
        """Return at each moment of `condition` the value of `yes` where it is not zero, else that of `no`."""
        if isinstance(yes, list) or isinstance(no, list):
            raise _invalid(self._expression, "IF takes single series and numbers")
        chosen = {at: yes if holds else no for at, holds in condition.items()}
        values = {at: value if isinstance(value, float) else value.get(at) for at, value in chosen.items()}
        return {at: value for at, value in values.items() if value is not None}

    def _one(self, node: ast.expr) -> dict[int, float]:
        value = self.value(node)
        if not isinstance(value, dict):
            raise _invalid(self._expression, "a series is needed")
        return value

    def _combine(self, combine: Callable[[float, float], float], left: Value, right: Value) -> Value:
        if isinstance(left, list) or isinstance(right, list):
            raise _invalid(self._expression, "several series are combined by SUM, AVG, MIN or MAX")
        if isinstance(left, float) and isinstance(right, float):
            return combine(left, right) if right or combine is not operator.truediv else {}
        moments = set(left if isinstance(left, dict) else right)  # type: ignore[arg-type]
        moments &= set(right if isinstance(right, dict) else moments)
        combined = {}
        for at in sorted(moments):
            a = left[at] if isinstance(left, dict) else left
            b = right[at] if isinstance(right, dict) else right
            if b or combine is not operator.truediv:
                combined[at] = combine(a, b)
        return combined


def _invalid(expression: str, reason: str) -> ServiceError:
    return ServiceError("ValidationError", f"Error in expression {expression!r}: {reason}")


def _python(expression: str) -> str:
    """Return the expression with Python's signs for a power, whose rank among the operators is CloudWatch's, and IF."""
    return re.sub(r"\bif\s*\(", "IF(", expression.strip().replace("^", "**"), flags=re.IGNORECASE)


def references(expression: str) -> set[str]:
    """Return the ids that an expression names; METRICS() names none."""
    try:
        nodes: list[Any] = list(ast.walk(ast.parse(_python(expression), mode="eval")))
    except SyntaxError:
        return set()
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in called}
