"""S3: a body that has to be XML, and is none or another, is the caller's mistake, whatever moto makes of it.

Source: Amazon S3 API reference, "Error responses": MalformedXML, MissingRequestBodyError.
"""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.parsers.expat import ExpatError

from moto.s3.exceptions import MalformedXML, S3ClientError
from moto.s3.responses import S3Response

from embedded_account.s3.xml_bodies import fault, operation_of
from embedded_account.wiring.replacement import replace


class MissingRequestBodyError(S3ClientError):
    """A request that has to have a body has none."""

    def __init__(self) -> None:
        super().__init__("MissingRequestBodyError", "Request Body is empty")


_FAULTS: dict[str, type[S3ClientError]] = {
    "MalformedXML": MalformedXML,
    "MissingRequestBodyError": MissingRequestBodyError,
}


def install() -> None:
    """Refuse what is not as AWS's model says, before moto looks at it."""
    _check("_bucket_response", has_key=False)
    _check("_key_response", has_key=True)


def _check(name: str, *, has_key: bool) -> None:
    def respond(self: Any, request: Any, full_url: str) -> Any:
        query = parse_qs(urlsplit(full_url).query, keep_blank_values=True)
        operation = operation_of(request.method, self.parse_key_name() if has_key else "", query)
        code = fault(operation, self.body or b"") if operation else ""
        if code:
            raise _FAULTS[code]()
        try:
            return original(self, request, full_url)
        except ExpatError as error:
            raise MalformedXML from error

    original = replace(S3Response, name, respond, parameters=("self", "request", "full_url"))
