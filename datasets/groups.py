"""Pictures that belong together - of one patient, burst or camera - by a pattern of their path."""

import re

from datasets.errors import DatasetError

MAX_PATTERN = 200  # characters


def group_of(path: str, pattern: "re.Pattern[str] | None") -> str:
    """Return the group of a path: what the pattern's parentheses match, or all that it matches; "" without a match."""
    match = pattern.search(path) if pattern is not None else None
    if match is None:
        return ""
    return "/".join(part or "" for part in match.groups()) or match.group()


def compiled(pattern: str) -> "re.Pattern[str] | None":
    """Return the pattern of GroupBy, None for "".

    Raises:
        DatasetError: it is no regular expression, or too long.
    """
    if problem := pattern_problem(pattern):
        raise DatasetError(problem)
    return re.compile(pattern) if pattern else None


def pattern_problem(pattern: str) -> str:
    """Return why a pattern cannot be used; "" where it can."""
    if len(pattern) > MAX_PATTERN:
        return f"pattern of {len(pattern)} characters; GroupBy takes at most {MAX_PATTERN}"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} is no regular expression: {error}; give GroupBy one such as (patient\\d+)"
    return ""
