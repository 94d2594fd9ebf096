"""S3: what is put is the body as it came, whatever its Content-Type says; moto would take a form's file for it.

`curl --data-binary` names a form that it does not send, and a form that is put is stored with all of its boundaries.
Source: Amazon S3 API reference, "PutObject".
"""

from typing import Any

from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from embedded_account.wiring.replacement import replace


def install() -> None:
    """Read forms from what is posted alone: no operation of AWS is a form that is put."""
    original: Any = vars(Request.__mro__[1]).get("want_form_data_parsed")
    assert isinstance(original, property), "werkzeug's want_form_data_parsed moved; was werkzeug upgraded?"
    of_werkzeug: Any = original.fget

    def is_form(request: Any) -> bool:
        return request.method != "PUT" and bool(of_werkzeug(request))

    def get_body(self: Any, environ: dict[str, Any]) -> str | None:
        if environ["REQUEST_METHOD"] == "PUT":
            return None  # moto would look for an Action in it, and lose what is no text
        text: str | None = original_body(self, environ)
        return text

    original_body = replace(DomainDispatcherApplication, "_get_body", get_body, parameters=("self", "environ"))
    setattr(Request, "want_form_data_parsed", property(is_form))  # noqa: B010 (mypy sees a property)
