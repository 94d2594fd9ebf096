"""Wildcards and variables of policy texts: `*`, `?`, and `${aws:username}`."""

import re
from functools import lru_cache

from embedded_account.iam.context import Context

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}  # ${*}, ${?} and ${$} stand for the characters themselves


def matches(pattern: str, text: str, context: Context | None = None) -> bool:
    """Return whether `text` is what `pattern` describes.

    `*` stands for any characters and `?` for one. With a `context`, a variable stands for the key's value, whose own
    characters are taken as they are; a variable without a value matches nothing.
    Source: IAM user guide, "IAM policy elements: Variables and tags".
    """
    if context is not None and "${" in pattern:
        expanded = _expanded(pattern, context)
        return expanded is not None and re.fullmatch(expanded, text, re.DOTALL) is not None
    if "*" not in pattern and "?" not in pattern:
        return pattern == text
    return pattern == "*" or _compiled(pattern).fullmatch(text) is not None


def matches_arn(pattern: str, arn: str, context: Context | None = None) -> bool:
    """Return whether each of the six parts of `arn` is what the same part of `pattern` describes.

    Source: IAM user guide, "Amazon Resource Name (ARN) condition operators".
    """
    wanted, actual = _arn_parts(pattern), arn.split(":", 5)
    return len(wanted) == len(actual) and all(matches(*pair, context) for pair in zip(wanted, actual, strict=True))


def expand(text: str, context: Context) -> str | None:
    """Return `text` with the values of its variables; None when one has no value."""
    values = [_value(match[1], context) for match in _VARIABLE.finditer(text)]
    if None in values:
        return None
    remaining = iter(values)
    return _VARIABLE.sub(lambda _: str(next(remaining)), text)


@lru_cache(maxsize=8192)
def _compiled(pattern: str) -> "re.Pattern[str]":
    return re.compile(_regex(pattern), re.DOTALL)


def _regex(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


def _expanded(pattern: str, context: Context) -> str | None:
    parts, end = [], 0
    for match in _VARIABLE.finditer(pattern):
        value = _value(match[1], context)
        if value is None:
            return None
        parts += [_regex(pattern[end : match.start()]), re.escape(value)]
        end = match.end()
    return "".join([*parts, _regex(pattern[end:])])


def _value(variable: str, context: Context) -> str | None:
    if variable in _LITERALS:
        return _LITERALS[variable]
    key, _, default = variable.partition(",")
    values = context.values(key.strip())
    if values is not None and len(values) == 1:
        return values[0]
    quoted = default.strip()
    return quoted[1:-1] if quoted[:1] == "'" == quoted[-1:] and len(quoted) > 1 else None


def _arn_parts(pattern: str) -> list[str]:
    """Split at the colons that are none of a variable's."""
    if "${" not in pattern:
        return ["*"] * 6 if pattern == "*" else pattern.split(":", 5)
    hidden = _VARIABLE.sub(lambda match: match[0].replace(":", "\0"), pattern)
    return [part.replace("\0", ":") for part in hidden.split(":", 5)]
