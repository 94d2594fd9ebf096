"""The part of JSONPath by which a transform job chooses from its records.

Source: SageMaker developer guide, "Associate Prediction Results with Input Records", supported JSONPath operators.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_NAME = r"'[^']*'"
_INDEX = r"-?\d+"
_STEP = re.compile(
    r"\.(?P<name>[^\s.\[\]'*,]+)"
    r"|(?P<every>\.\*|\.?\[\*\])"
    rf"|\.?\[(?P<names>{_NAME}(?:\s*,\s*{_NAME})*)\]"
    rf"|\[(?P<indexes>{_INDEX}(?:\s*,\s*{_INDEX})*)\]"
    rf"|\[(?P<start>{_INDEX})?:(?P<end>{_INDEX})?\]"
)


class JsonPathError(Exception):
    """A text is no such path, or a record has not what it names; the message says which."""


@dataclass(frozen=True)
class JsonPath:
    """What to choose of a record; `$` is all of it."""

    text: str
    steps: Sequence[re.Match[str]]

    @classmethod
    def parse(cls, text: str) -> "JsonPath":
        """Return the path that `text` says.

        Raises:
            JsonPathError: it is none, or uses an operator that SageMaker does not know.
        """
        steps, at = [], 1
        while text.startswith("$") and (step := _STEP.match(text, at)):
            steps.append(step)
            at = step.end()
        if not text.startswith("$") or at < len(text):
            raise JsonPathError(f"{text!r}: is no JSONPath of $, .name, ['name'], [index], [start:end] and *")
        return cls(text, steps)

    @property
    def is_all(self) -> bool:
        """Say whether it chooses the whole record."""
        return not self.steps

    def select(self, record: Any) -> Any:
        """Return what the path names in `record`.

        Raises:
            JsonPathError: it is not there.
        """
        try:
            return _select(record, self.steps)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise JsonPathError(f"{self.text!r}: the record has nothing there") from error


def _select(value: Any, steps: Sequence[re.Match[str]]) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if step["name"]:
        return _select(value[step["name"]], rest)
    if step["names"]:
        names = [name[1:-1] for name in re.findall(_NAME, step["names"])]
        return _select(value[names[0]] if len(names) == 1 else {name: value[name] for name in names}, rest)
    if step["indexes"] and "," not in step["indexes"]:
        return _select(_array(value)[int(step["indexes"])], rest)
    return [_select(each, rest) for each in _several(value, step)]


def _several(value: Any, step: re.Match[str]) -> list[Any]:
    if step["every"]:
        return list(value.values()) if isinstance(value, dict) else _array(value)
    if step["indexes"]:
        return [_array(value)[int(index)] for index in step["indexes"].split(",")]
    start, end = (int(bound) if bound else None for bound in (step["start"], step["end"]))
    return _array(value)[start:end]


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{type(value).__name__} is no array")
    return value
