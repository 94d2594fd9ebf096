"""S3: what is put or asked for is the body as it came, whatever its Content-Type says; moto would read a form in it.

`curl --data-binary` names a form that it does not send, and a form that is put is stored with all of its boundaries.
Source: Amazon S3 API reference, "PutObject", "CompleteMultipartUpload", "DeleteObjects".
"""

from typing import Any
from urllib.parse import parse_qs

from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from embedded_account.wiring.replacement import replace

# The parameters by which a POST of S3 is an operation whose body is XML.
_OF_S3 = frozenset({"delete", "restore", "select", "uploadId", "uploads"})


def install() -> None:
    """Read forms from what is posted alone, to no operation of S3: no operation of AWS is a form that is put."""
    original: Any = vars(Request.__mro__[1]).get("want_form_data_parsed")
    assert isinstance(original, property), "werkzeug's want_form_data_parsed moved; was werkzeug upgraded?"
    of_werkzeug: Any = original.fget

    def is_form(request: Any) -> bool:
        if request.method == "PUT" or (request.method == "POST" and _is_of_s3(request.environ)):
            return False
        return bool(of_werkzeug(request))

    def get_body(self: Any, environ: dict[str, Any]) -> str | None:
        if environ["REQUEST_METHOD"] == "PUT":
            return None  # moto would look for an Action in it, and lose what is no text
        text: str | None = original_body(self, environ)
        return text

    original_body = replace(DomainDispatcherApplication, "_get_body", get_body, parameters=("self", "environ"))
    setattr(Request, "want_form_data_parsed", property(is_form))  # noqa: B010 (mypy sees a property)


def _is_of_s3(environ: dict[str, Any]) -> bool:
    return not _OF_S3.isdisjoint(parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True))
