"""Checks a request against the own model of its service and words what is wrong as AWS does."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple
from unicodedata import category

from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape

from embedded_account.data_files import service_model
from embedded_account.errors import ServiceError

_MARK = "\x02"
_OF_CLASS = {"L": "a", "N": "0", "Z": " ", "S": "$", "P": "!", "M": _MARK}
_CLASSES = re.compile(r"\\p\{[LNZSPM]\}")  # \p{Print} and \p{Alnum} are of ASCII alone
_MISPLACED_END = re.compile(r"\$\{\d+,\d+\}$")  # in two patterns of the model; their lengths stand beside them
_LOOKED_AT_BY_SQS = "QueueAttributeName"  # in its own code, InvalidAttributeName; ReceiveMessage takes others as well
_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list, tuple),
    "string": (str,),
    "integer": (int, float),
    "long": (int, float),
    "float": (int, float),
    "double": (int, float),
}


def check(service: str, operation_name: str, params: dict[str, Any], code: str = "ValidationException") -> None:
    """Return when `params` meet the constraints of the service's model.

    Raises:
        ServiceError: with `code`, in AWS's words; SerializationException for a member of another type.
    """
    shape = service_model(service).operation_model(operation_name).input_shape
    problems = list(_problems(shape, params, "")) if shape else []
    if problems:
        errors = "error" if len(problems) == 1 else "errors"
        texts = "; ".join(problem.text(service) for problem in problems)
        raise ServiceError(code, f"{len(problems)} validation {errors} detected: {texts}")


class _Problem(NamedTuple):
    """A value that does not meet the model."""

    value: str
    path: str
    constraint: str

    def text(self, service: str) -> str:
        """Return the service's words: CloudWatch Logs leaves the value out, as its answers show."""
        value = "Value" if service == "logs" else f"Value {self.value}"
        return f"{value} at {self.path!r} failed to satisfy constraint: {self.constraint}"


def _problems(shape: Shape, value: Any, path: str) -> Iterator[_Problem]:
    _require_type(shape, value, path)
    if isinstance(shape, StructureShape):
        yield from _structure_problems(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _size_problems(shape, value, path)
        for index, member in enumerate(value, 1):
            yield from _problems(shape.member, member, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        yield from _size_problems(shape, value, path)
        for key, member in value.items():
            yield from _problems(shape.key, key, f"{path}.key")
            yield from _problems(shape.value, member, f"{path}.{key}.member")
    else:
        yield from _size_problems(shape, value, path)
        yield from _text_problems(shape, value, path)


def _require_type(shape: Shape, value: Any, path: str) -> None:
    types = _TYPES.get(shape.type_name)
    if types and not isinstance(value, types):
        where = repr(path) if path else "the request"
        raise ServiceError("SerializationException", f"{where}: {str(value)[:40]!r}; it must be a {shape.type_name}")


def _structure_problems(shape: StructureShape, value: Any, path: str) -> Iterator[_Problem]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _Problem("null", _member(path, name), "Member must not be null")
    for name, member in value.items():
        if member is not None and name in shape.members:
            yield from _problems(shape.members[name], member, _member(path, name))


def _size_problems(shape: Shape, value: Any, path: str) -> Iterator[_Problem]:
    is_number = shape.type_name in {"integer", "long", "float", "double"}
    if not is_number and shape.type_name not in {"string", "list", "map"}:
        return
    size = value if is_number else len(value)
    what = "value" if is_number else "length"
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield _problem(value, path, f"Member must have {what} greater than or equal to {low}")
    if high is not None and size > high:
        yield _problem(value, path, f"Member must have {what} less than or equal to {high}")


def _text_problems(shape: Shape, value: Any, path: str) -> Iterator[_Problem]:
    pattern, enum = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern and not _compiled(pattern).fullmatch(_classified(value) if _CLASSES.search(pattern) else value):
        yield _problem(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    if enum and value not in enum and shape.name != _LOOKED_AT_BY_SQS:
        yield _problem(value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]")


def _classified(value: str) -> str:
    """Return `value` with each character beyond ASCII replaced by one of ASCII that is of the same class."""
    return "".join(char if char.isascii() else _OF_CLASS.get(category(char)[0], "\x01") for char in value)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return `pattern` of the model for Python; the model is written for Java, whose \\p classes Python lacks.

    A pattern with such classes is one for `_classified` values.
    """
    python = pattern.replace(r"\p{L}", "a-zA-Z").replace(r"\p{N}", "0-9").replace(r"\p{Alnum}", "a-zA-Z0-9")
    python = python.replace(r"\p{Z}", " ").replace(r"\p{M}", _MARK).replace(r"\p{S}", "$+<=>^`|~")
    python = python.replace(r"\p{P}", r"!-/:-@\[-`{-~")  # ASCII symbols are among these ranges
    python = python.replace(r"\p{Print}", "[ -~]").replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    python = _MISPLACED_END.sub("", python)
    try:
        return re.compile(python)
    except re.error:
        return re.compile(r"[\s\S]*")


def _problem(value: Any, path: str, constraint: str) -> _Problem:
    return _Problem(repr(str(value)), path, constraint)


def _member(path: str, name: str) -> str:
    first, *rest = xform_name(name).split("_")
    camel = first + "".join(part.capitalize() for part in rest)
    return f"{path}.{camel}" if path else camel
