"""The policy that a browser's upload brings along: until when, and under which conditions its form is taken.

Source: Amazon S3 API reference, "POST Policy"; what S3 answers to a form that breaks one was recorded by others.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from embedded_account.iam.s3_answers import S3Error

_DATES = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")
_UNCONDITIONAL = frozenset({"policy", "file", "x-amz-signature", "signature", "awsaccesskeyid"})
_RANGE = "content-length-range"


@dataclass(frozen=True)
class PostPolicy:
    """`expires_at` is in seconds since the epoch; a condition is an operator and its two values, as written."""

    expires_at: float
    conditions: tuple[tuple[str, Any, Any], ...]

    @classmethod
    def parse(cls, encoded: str) -> "PostPolicy":
        """Return the policy in a form's field.

        Raises:
            S3Error: it is no policy.
        """
        try:
            document = json.loads(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError) as error:
            raise _invalid("Invalid JSON.") from error
        if not isinstance(document, dict) or "expiration" not in document:
            raise _invalid("Policy missing expiration.")
        if not isinstance(document.get("conditions"), list):
            raise _invalid("Policy missing conditions.")
        return cls(_date(document["expiration"]), tuple(map(_condition, document["conditions"])))

    def check(self, fields: Mapping[str, str], num_bytes: int, now: float) -> None:
        """Return when a form with `fields`, by their names in lower case, and a file of that size may be taken.

        Raises:
            S3Error: the policy has expired, a condition does not hold, or no condition speaks of a field.
        """
        if now > self.expires_at:
            raise _denied("Policy expired.")
        for condition in self.conditions:
            _check(condition, fields, num_bytes)
        named = {str(name).lower().removeprefix("$") for operator, name, _ in self.conditions if operator != _RANGE}
        extra = [name for name in fields if name not in named | _UNCONDITIONAL and not name.startswith("x-ignore-")]
        if extra:
            raise _denied(f"Extra input fields: {', '.join(sorted(extra))}")


def _date(text: Any) -> float:
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except (TypeError, ValueError):
            continue
    raise _invalid(f"Invalid 'expiration' value: '{text}'")


def _condition(written: Any) -> tuple[str, Any, Any]:
    if isinstance(written, dict):
        if len(written) != 1:
            one = "Simple-Conditions must have exactly one property specified."
            raise _invalid(f"Invalid Simple-Condition: {one}")
        ((name, value),) = written.items()
        if not isinstance(value, str):
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        return ("eq", f"${name}", value)
    if not isinstance(written, list) or len(written) != 3 or not isinstance(written[0], str):
        raise _invalid(f"Invalid Condition: {json.dumps(written)}")
    operator = written[0].lower()
    if operator not in ("eq", "starts-with", _RANGE):
        raise _invalid(f"Invalid Condition: unknown operation '{written[0]}'.")
    return (operator, written[1], written[2])


def _check(condition: tuple[str, Any, Any], fields: Mapping[str, str], num_bytes: int) -> None:
    operator, name, expected = condition
    if operator == _RANGE:
        _check_size(condition, num_bytes)
    elif not _holds(operator, str(name), str(expected), fields):
        raise _failed(condition)


def _holds(operator: str, name: str, expected: str, fields: Mapping[str, str]) -> bool:
    """Return whether a condition holds. Each content type of a list must begin as the condition says."""
    value = fields.get(name.lower().removeprefix("$"))
    if value is None or not name.startswith("$"):
        return False
    if operator == "eq":
        return value == expected
    values = value.split(",") if name.lower() == "$content-type" else [value]
    return all(one.strip().startswith(expected) for one in values)


def _check_size(condition: tuple[str, Any, Any], num_bytes: int) -> None:
    try:
        least, most = (int(bound) for bound in condition[1:])
    except (TypeError, ValueError) as error:
        raise _failed(condition) from error
    if least < 0:
        raise _invalid(f"Invalid Condition: {json.dumps(condition)}")
    proposed = {"ProposedSize": str(num_bytes)}
    if num_bytes > most:
        details = proposed | {"MaxSizeAllowed": str(most)}
        raise S3Error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", details)
    if num_bytes < least:
        details = proposed | {"MinSizeAllowed": str(least)}
        raise S3Error("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", details)


def _failed(condition: tuple[str, Any, Any]) -> S3Error:
    return _denied(f"Policy Condition failed: {json.dumps(condition, ensure_ascii=False)}")


def _denied(message: str) -> S3Error:
    return S3Error("AccessDenied", f"Invalid according to Policy: {message}")


def _invalid(message: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", f"Invalid Policy: {message}")
