"""S3: which operations have a body in XML, and whether a body is what AWS's model of the operation says.

Source: Amazon S3 API reference, "Error responses": MalformedXML is for what is no XML or not valid by the schema,
MissingRequestBodyError for no body at all.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from xml.etree import ElementTree

from botocore.model import Shape

from embedded_account.data_files import service_model

# What the query names -> the operation, by what it is asked of.
_BUCKET = {
    "accelerate": "PutBucketAccelerateConfiguration",
    "acl": "PutBucketAcl",
    "cors": "PutBucketCors",
    "encryption": "PutBucketEncryption",
    "inventory": "PutBucketInventoryConfiguration",
    "lifecycle": "PutBucketLifecycleConfiguration",
    "logging": "PutBucketLogging",
    "notification": "PutBucketNotificationConfiguration",
    "object-lock": "PutObjectLockConfiguration",
    "ownershipControls": "PutBucketOwnershipControls",
    "publicAccessBlock": "PutPublicAccessBlock",
    "replication": "PutBucketReplication",
    "tagging": "PutBucketTagging",
    "versioning": "PutBucketVersioning",
    "website": "PutBucketWebsite",
}
_OBJECT = {
    "acl": "PutObjectAcl",
    "legal-hold": "PutObjectLegalHold",
    "retention": "PutObjectRetention",
    "tagging": "PutObjectTagging",
}
_POSTS = {"delete": "DeleteObjects", "uploadId": "CompleteMultipartUpload", "restore": "RestoreObject"}
_ANOTHER = frozenset({"policy"})  # a body that is JSON, and is looked at where policies are
_MAY_LACK = frozenset({"PutBucketAcl", "PutObjectAcl", "CreateBucket"})  # headers may say it in the body's place
_SETS = frozenset({"Status", "MfaDelete"})  # other members outside of their set have codes of their own


def operation_of(method: str, key: str, query: Mapping[str, Any]) -> str:
    """Return the operation of a request whose body has to be XML; nothing where it is anything else."""
    if not _ANOTHER.isdisjoint(query):
        return ""
    parts = _POSTS if method == "POST" else _OBJECT if key else _BUCKET
    named = next((operation for part, operation in parts.items() if part in query), "")
    if method == "POST" or (method == "PUT" and (named or key)):
        return named
    return "CreateBucket" if method == "PUT" else ""


def fault(operation: str, body: bytes) -> str:
    """Return the code of the error that a body is for its operation; nothing for one that is sound."""
    if not body.strip():
        return "" if operation in _MAY_LACK else "MissingRequestBodyError"
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 (the caller's own; expat bounds what entities become)
    except (ElementTree.ParseError, ValueError, LookupError):
        return "MalformedXML"
    shape = _body_shape(operation)
    is_sound = _name(root) == shape.serialization["name"] and not any(_problems(root, shape))
    return "" if is_sound else "MalformedXML"


@cache
def _body_shape(operation: str) -> Shape:
    model = service_model("s3").operation_model(operation)
    given: Any = model.input_shape
    shape: Shape = given.members[given.serialization["payload"]]
    return shape


def _problems(element: ElementTree.Element, shape: Any) -> Iterator[str]:
    """Yield what of an element its shape does not allow."""
    if shape.type_name == "structure":
        yield from _problems_of_members(element, shape)
    elif shape.type_name == "list":
        for child in element:
            if _name(child) != shape.member.serialization.get("name", "member"):
                yield _name(child)
            yield from _problems(child, shape.member)
    elif len(element) or not _is_value(element.text or "", shape, _name(element)):
        yield _name(element)


def _problems_of_members(element: ElementTree.Element, shape: Any) -> Iterator[str]:
    members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    required = {shape.members[name].serialization.get("name", name) for name in shape.required_members}
    attributes = {name for name, member in members.items() if member.serialization.get("xmlAttribute")}
    given = {_name(child) for child in element}
    yield from required - given - attributes
    if required & attributes and not element.attrib:  # S3 has one such attribute, the type of a grantee
        yield "attribute"
    for child in element:
        member = members.get(_name(child))
        if member is None:
            yield _name(child)
        elif member.serialization.get("flattened"):
            yield from _problems(child, member.member)
        else:
            yield from _problems(child, member)


def _is_value(text: str, shape: Any, name: str) -> bool:
    if shape.type_name == "boolean":
        return text.strip().lower() in ("true", "false")
    if name in _SETS and shape.enum:
        return text.strip() in shape.enum
    try:
        if shape.type_name in ("integer", "long"):
            int(text)
        elif shape.type_name == "timestamp":
            datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def _name(element: ElementTree.Element) -> str:
    """Return an element's name without its namespace, which clients leave out or put as they like."""
    return element.tag.rpartition("}")[2]
