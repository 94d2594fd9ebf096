"""Filter patterns of CloudWatch Logs: terms, phrases, alternatives, exclusions, and conditions on JSON.

Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log events".
"""

import json
import operator
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

Test = Callable[[str], bool]
_JsonTest = Callable[[Any], bool]

_TERM = re.compile(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%])*)%|([^\s"%]+))')
_TOKEN = re.compile(
    r'\s*(?:(\(|\)|&&|\|\|)|(\$(?:\.[\w-]+|\[\d+\])+)|(!=|>=|<=|=|<|>)|(IS|NOT|EXISTS|NULL|TRUE|FALSE)\b|"((?:[^"\\]|\\.)*)"'
    r"|([\w.*-]+))"
)
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]")
_NUMERIC = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
_MISSING = object()


class FilterPatternError(ValueError):
    """A text is no filter pattern that is carried out here."""


def compile_pattern(pattern: str) -> Test:
    """Return what tells whether a message matches `pattern`.

    Raises:
        FilterPatternError: `pattern` is malformed, or of the space-delimited sort.
    """
    text = pattern.strip()
    if text.startswith("["):
        raise FilterPatternError(f"filterPattern: {pattern!r}; patterns in brackets are not carried out here")
    if text.startswith("{"):
        if not text.endswith("}"):
            raise FilterPatternError(f"filterPattern: {pattern!r}; a JSON pattern ends with a brace")
        test = _Conditions(text[1:-1], pattern).parse()
        return lambda message: _on_json(message, test)
    return _terms(text, pattern)


def select(message: str, selector: str) -> Any:
    """Return what `selector`, such as "$.latency", finds in a JSON message; None where there is nothing."""
    selected = _find(_parsed(message), selector)
    return None if selected is _MISSING else selected


def _terms(text: str, pattern: str) -> Test:
    needed: list[Test] = []
    barred: list[Test] = []
    either: list[Test] = []
    for sign, phrase, expression, word in _TERM.findall(text):
        if expression:
            try:
                test: Test = re.compile(expression).search  # type: ignore[assignment]
            except re.error as error:
                raise FilterPatternError(f"filterPattern: {pattern!r}; {error}") from error
        else:
            test = _contains(word or phrase.replace('\\"', '"'))
        {"": needed, "-": barred, "?": either}[sign].append(test)
    return lambda message: (
        all(test(message) for test in needed)
        and not any(test(message) for test in barred)
        and (not either or any(test(message) for test in either))
    )


def _contains(term: str) -> Test:
    return lambda message: term in message


def _on_json(message: str, test: _JsonTest) -> bool:
    parsed = _parsed(message)
    return parsed is not _MISSING and test(parsed)


def _parsed(message: str) -> Any:
    try:
        parsed = json.loads(message)
    except ValueError:
        return _MISSING
    return parsed if isinstance(parsed, dict | list) else _MISSING


def _find(value: Any, selector: str) -> Any:
    for name, index in _STEP.findall(selector):
        if name and isinstance(value, dict):
            value = value.get(name, _MISSING)
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return _MISSING
    return value


class _Conditions:
    """Parses `$.a = 1 && ($.b = "x*" || $.c NOT EXISTS)`."""

    def __init__(self, text: str, pattern: str) -> None:
        self._pattern = pattern
        self._tokens: list[tuple[str, str]] = []
        kinds = ("sign", "selector", "comparison", "keyword", "quoted", "word")
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._error(text[position:].strip())
            kind = next(name for name, group in zip(kinds, match.groups(), strict=True) if group is not None)
            self._tokens.append((kind, match[match.lastindex or 0]))
            position = match.end()

    def parse(self) -> _JsonTest:
        test = self._any()
        if self._tokens:
            raise self._error(self._tokens[0][1])
        return test

    def _any(self) -> _JsonTest:
        tests = [self._all()]
        while self._take("||"):
            tests.append(self._all())
        return lambda value: any(test(value) for test in tests)

    def _all(self) -> _JsonTest:
        tests = [self._one()]
        while self._take("&&"):
            tests.append(self._one())
        return lambda value: all(test(value) for test in tests)

    def _one(self) -> _JsonTest:
        if self._take("("):
            test = self._any()
            if not self._take(")"):
                raise self._error("(")
            return test
        _, selector = self._next("selector")
        kind, word = self._next("comparison", "keyword")
        if kind == "keyword":
            return self._keyword(selector, word)
        kind, operand = self._next("quoted", "word", "keyword")
        return _comparison(selector, word, operand, is_quoted=kind == "quoted")

    def _keyword(self, selector: str, first: str) -> _JsonTest:
        _, second = self._next("keyword")
        if (first, second) == ("NOT", "EXISTS"):
            return lambda value: _find(value, selector) is _MISSING
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}
        if first != "IS" or second not in wanted:
            raise self._error(f"{first} {second}")
        return lambda value: _find(value, selector) is wanted[second]

    def _take(self, sign: str) -> bool:
        if self._tokens and self._tokens[0] == ("sign", sign):
            del self._tokens[0]
            return True
        return False

    def _next(self, *kinds: str) -> tuple[str, str]:
        if not self._tokens or self._tokens[0][0] not in kinds:
            raise self._error(self._tokens[0][1] if self._tokens else "its end")
        return self._tokens.pop(0)

    def _error(self, where: str) -> FilterPatternError:
        return FilterPatternError(f"filterPattern: {self._pattern!r}; it is not understood at {where!r}")


def _comparison(selector: str, sign: str, operand: str, *, is_quoted: bool) -> _JsonTest:
    try:
        number = None if is_quoted else float(operand)
    except ValueError:
        number = None

    def equals(value: Any) -> bool:
        if number is not None and isinstance(value, int | float) and not isinstance(value, bool):
            return bool(value == number)
        return isinstance(value, str) and fnmatchcase(value, operand.replace("[", "[[]"))

    def test(value: Any) -> bool:
        selected = _find(value, selector)
        if sign == "=":
            return equals(selected)
        if sign == "!=":
            return selected is not _MISSING and not equals(selected)
        is_number = isinstance(selected, int | float) and not isinstance(selected, bool)
        return is_number and number is not None and bool(_NUMERIC[sign](selected, number))

    return test
