"""DeleteObjects key by key: what the caller may not delete is an error of that key, and the rest is deleted.

Source: Amazon S3 API reference, DeleteObjects: Error elements of the result.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException

from embedded_account.iam.s3_answers import S3Error

_START = b'<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
_END = b"</DeleteResult>"
_NAMED = ("Key", "VersionId")


@dataclass(frozen=True)
class Deletion:
    """A request's body without the keys that are refused, and their errors; no body where none is left."""

    body: bytes
    errors: bytes

    def completed(self, answer: Iterable[bytes]) -> bytes:
        """Return the answer to what was carried out, with the errors of what was not."""
        before, end, name = b"".join(answer).rpartition(b"</")
        return before + self.errors + end + name

    def refused(self) -> bytes:
        """Return the answer where nothing is left to carry out."""
        return _START + self.errors + _END


def targets(body: bytes) -> list[tuple[str, str]]:
    """Return the key of each object that a request's body names, and its version; "" for the newest one.

    Raises:
        S3Error: the body is none of DeleteObjects.
    """
    return [(one.findtext("Key", ""), one.findtext("VersionId", "")) for one in _parsed(body).findall("Object")]


def split(body: bytes, refusals: Sequence[ServiceException | None]) -> Deletion:
    """Return `body` by what became of its objects: each is refused, or None stands in its place."""
    root, errors = _parsed(body), ""
    for element, refusal in zip(root.findall("Object"), refusals, strict=True):
        if refusal is not None:
            root.remove(element)
            named = {name: element.findtext(name) for name in _NAMED if element.findtext(name)}
            described = {**named, "Code": refusal.code, "Message": "Access Denied"}
            inner = "".join(f"<{name}>{escape(str(text))}</{name}>" for name, text in described.items())
            errors += f"<Error>{inner}</Error>"
    return Deletion(ElementTree.tostring(root) if None in refusals else b"", errors.encode())


def _parsed(body: bytes) -> ElementTree.Element:
    """Return the body's Delete element, with names that say nothing of a namespace."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - expat itself bounds what entities grow to
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        if root.tag == "Delete" and root.find("Object") is not None and all(map(_has_key, root.findall("Object"))):
            return root
        cause = None
    except ElementTree.ParseError as error:
        cause = error
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    raise S3Error("MalformedXML", message) from cause


def _has_key(element: ElementTree.Element) -> bool:
    return bool(element.findtext("Key"))
