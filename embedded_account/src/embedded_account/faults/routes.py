"""Which operation of which service a request asks for, read from AWS's own models."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.model import ServiceModel

from embedded_account.data_files import service_model

# The name a request is signed for -> boto3's names of the services that share it.
_SERVICES = {
    "states": ("stepfunctions",),
    "monitoring": ("cloudwatch",),
    "tagging": ("resourcegroupstaggingapi",),
    "sagemaker": ("sagemaker", "sagemaker-runtime"),
}
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[^/]+/[^/]+/([^/]+)/")
_CBOR = re.compile(r"/service/([^/]+)/operation/([^/]+)")


@dataclass(frozen=True)
class Call:
    """An operation that is asked for, and by which access key."""

    service: str  # boto3's name
    operation: str
    access_key: str
    protocol: str  # of the answer: json, cbor, query, rest-json or rest-xml


@dataclass(frozen=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    literals: Mapping[str, str]  # query parameters that must be there, with "" for any value
    headers: tuple[str, ...]  # of the environ, that must be there

    @property
    def rank(self) -> tuple[int, int]:
        return len(self.literals) + len(self.headers), len(self.path.pattern)


def identify(environ: dict[str, Any]) -> Call | None:
    """Return the call that a request makes, or None when it is none of a service known here.

    A form is read and put back.
    """
    match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if match is None:
        match = _CREDENTIAL.search("Credential=" + query.get("X-Amz-Credential", [""])[0])
    if match is None:
        return None
    access_key, signed_for = match.groups()
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    services = _SERVICES.get(signed_for, (signed_for,))
    if target:
        return Call(services[0], target.rpartition(".")[2], access_key, "json")
    cbor = _CBOR.fullmatch(environ["PATH_INFO"])
    if cbor:
        return Call(services[0], cbor[2], access_key, "cbor")
    for service in services:
        operation = _operation(service, environ, query)
        if operation:
            return Call(service, operation, access_key, _protocol(service))
    return None


def _protocol(service: str) -> str:
    return str(service_model(service).metadata["protocol"])


def _operation(service: str, environ: dict[str, Any], query: Mapping[str, list[str]]) -> str:
    if _protocol(service) == "query":
        return query.get("Action", _form(environ).get("Action", [""]))[0]
    fitting = [route for route in _routes(service) if _fits(route, environ, query)]
    return max(fitting, key=lambda route: route.rank).operation if fitting else ""


def _fits(route: _Route, environ: Mapping[str, Any], query: Mapping[str, list[str]]) -> bool:
    return (
        route.method == environ["REQUEST_METHOD"]
        and route.path.fullmatch(unquote(environ["PATH_INFO"])) is not None
        and all(name in query and value in {"", query[name][0]} for name, value in route.literals.items())
        and all(name in environ for name in route.headers)
    )


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    model = service_model(service)
    return tuple(_route(model, name) for name in model.operation_names)


def _route(model: ServiceModel, name: str) -> _Route:
    operation = model.operation_model(name)
    path, _, literal = operation.http["requestUri"].partition("?")
    # A client of S3 takes the bucket out of the model's path at its first call, and keeps the path here.
    path = operation.http.get("authPath", path).rstrip("/") or "/"
    literals = {key: values[0] for key, values in parse_qs(literal, keep_blank_values=True).items() if key != "x-id"}
    headers = []
    shape = operation.input_shape
    for member in shape.required_members if shape else ():
        serialization = shape.members[member].serialization  # type: ignore[union-attr]
        if serialization.get("location") == "querystring":
            literals.setdefault(serialization["name"], "")
        elif serialization.get("location") == "header":
            headers.append("HTTP_" + serialization["name"].upper().replace("-", "_"))
    return _Route(name, operation.http["method"], _pattern(path), literals, tuple(headers))


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path.rstrip("/"))
    text = "".join(
        (r"(?:.+)" if part.endswith("+}") else r"(?:[^/]+)") if part.startswith("{") else re.escape(part)
        for part in parts
    )
    return re.compile(text + "/?", re.DOTALL)


def _form(environ: dict[str, Any]) -> dict[str, list[str]]:
    if "x-www-form-urlencoded" not in environ.get("CONTENT_TYPE", ""):
        return {}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    return parse_qs(body.decode("utf-8", "replace"))
