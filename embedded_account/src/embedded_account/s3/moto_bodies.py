"""S3: a body that has to be XML and is none is the caller's mistake.

Source: Amazon S3 API reference, "Error responses": MalformedXML.
"""

from typing import Any
from xml.parsers.expat import ExpatError

from moto.s3.exceptions import MalformedXML
from moto.s3.responses import S3Response

from embedded_account.wiring.replacement import replace


def install() -> None:
    """Refuse what moto cannot parse."""
    for name in ("_bucket_response", "_key_response"):
        _refuse(name)


def _refuse(name: str) -> None:
    def respond(self: Any, request: Any, full_url: str) -> Any:
        try:
            return original(self, request, full_url)
        except ExpatError as error:
            raise MalformedXML from error

    original = replace(S3Response, name, respond, parameters=("self", "request", "full_url"))
