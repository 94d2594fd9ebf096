"""The shape of an answer: which members it has and of which kind, its status and the headers that clients look at."""

import re
from datetime import datetime
from http.client import NO_CONTENT
from typing import Any

from botocore.exceptions import ClientError
from conformance.calls import Call, Calls

_HEADERS = ("etag", "x-amz-request-id", "x-amzn-requestid", "x-amzn-errortype", "x-amz-bucket-region")
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"), (int, "integer"), (float, "number"), (str, "text"), (bytes, "bytes"), (datetime, "time"),
)  # fmt: skip
_PASSING = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
Recorded = dict[str, dict[str, Any]]


def record(client: Any, calls: Calls) -> Recorded:
    """Make the calls; return the shapes of their answers, by operation and, of what is refused, the code."""
    shapes: Recorded = {}
    call = next(calls)
    try:
        while True:
            answer = _answer(client, call)
            operation = client.meta.method_to_api_mapping[call.method]
            code = f" {answer['Error']['Code']}" if "Error" in answer else ""
            shapes[operation + code] = shape_of(answer)
            call = calls.send(answer)
    except StopIteration:
        return shapes


def _answer(client: Any, call: Call) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(client, call.method)(**call.arguments)
    except ClientError as error:
        if not call.fails:
            raise
        return dict(error.response)
    assert not call.fails, f"{call.method}{call.arguments} was carried out"
    return answer


def shape_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the shape of one answer of boto3; of one without a body not what kind of body it is."""
    metadata = answer["ResponseMetadata"]
    given = metadata["HTTPHeaders"]
    empty = given.get("content-length") == "0" or metadata["HTTPStatusCode"] == NO_CONTENT
    headers = [name for name in _HEADERS if name in given]
    content = "" if empty else given.get("content-type", "").partition(";")[0]
    members = {name: _kind(value) for name, value in answer.items() if name not in ("ResponseMetadata", "Error")}
    error = {"message": _PASSING.sub("*", answer["Error"].get("Message", ""))} if "Error" in answer else {}
    return {"status": metadata["HTTPStatusCode"], "content": content, "headers": headers, "members": members} | error


def differences(expected: Any, given: Any, path: str = "") -> list[str]:
    """Return where `given` is not as `expected`; a member whose name ends in ? may be absent."""
    if isinstance(expected, dict) and isinstance(given, dict):
        names = {name.removesuffix("?"): name for name in expected}
        missing = [f"{path}.{name}: absent" for name, full in names.items() if name not in given and name == full]
        more = [f"{path}.{name}: more than AWS gives" for name in given if name not in names]
        both = [differences(expected[names[name]], given[name], f"{path}.{name}") for name in given if name in names]
        return [*missing, *more, *(each for one in both for each in one)]
    if isinstance(expected, list) and isinstance(given, list) and expected and given:
        return differences(expected[0], given[0], f"{path}[]")
    return [] if expected == given else [f"{path}: {given!r}; AWS gives {expected!r}"]


def _kind(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _kind(member) for name, member in sorted(value.items())}
    if isinstance(value, list):
        return [_kind(value[0])] if value else []
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "stream")
