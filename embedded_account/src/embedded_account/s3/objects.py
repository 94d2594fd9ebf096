"""The plain object operations, answered beside moto's routing: it costs more than a millisecond of a core a request,
and a dataset has thousands of objects.

Plain is PutObject, GetObject, HeadObject and ListObjectsV2 without any of S3's options. Whatever has an option, needs
an error or goes to a bucket with rules of its own is moto's to answer: both keep their objects in the same place.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, quote
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeKey, s3_backends

from embedded_account.account import Account, WsgiApplication
from embedded_account.s3.disk import LARGE_BYTES, Disk, blocks_of, blocks_of_key
from embedded_account.s3.moto_keys import key_of
from embedded_account.wiring.serving import check_unrouted

MAX_KEYS = 1000
MAX_PARTS = 10_000
# Headers that change nothing of what a plain request means. x-amz-meta-* is plain too.
_PLAIN = frozenset(
    {
        "HTTP_X_AMZ_DATE",
        "HTTP_X_AMZ_CONTENT_SHA256",
        "HTTP_X_AMZ_SECURITY_TOKEN",
        "HTTP_X_AMZ_CHECKSUM_MODE",
        "HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM",
        "HTTP_X_AMZ_CHECKSUM_CRC32",  # what the SDKs send of their own accord
    }
)
_CONDITIONS = frozenset(
    {
        "HTTP_IF_MATCH",
        "HTTP_IF_NONE_MATCH",
        "HTTP_IF_MODIFIED_SINCE",
        "HTTP_IF_UNMODIFIED_SINCE",
        "HTTP_ORIGIN",
        "HTTP_CONTENT_MD5",
        "HTTP_TRANSFER_ENCODING",
    }
)
_SYSTEM_METADATA = {
    "CONTENT_TYPE": "Content-Type",
    "HTTP_CACHE_CONTROL": "cache-control",
    "HTTP_CONTENT_DISPOSITION": "content-disposition",
    "HTTP_CONTENT_ENCODING": "content-encoding",
    "HTTP_CONTENT_LANGUAGE": "content-language",
    "HTTP_EXPIRES": "expires",
}
_LIST_OPTIONS = frozenset({"list-type", "prefix", "max-keys", "encoding-type", "continuation-token", "start-after"})
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PATH = re.compile(r"/([^/]+)(?:/(.*))?", re.DOTALL)

Answer = tuple[str, list[tuple[str, str]], bytes | Iterable[bytes]]

_BAD_DIGEST: Answer = (
    "400 Bad Request",
    [("Content-Type", "application/xml")],
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>BadDigest</Code><Message>The CRC32 you specified did not '
    b"match the calculated checksum.</Message></Error>",
)


class Objects:
    """Answers plain requests that are signed for S3."""

    def __init__(self, account: Account, disk: Disk) -> None:
        self._account = account
        self._disk = disk
        self._backend = s3_backends[account.account_id]["aws"]

    def middleware(self, application: WsgiApplication) -> WsgiApplication:
        """Answer plain requests; pass everything else on to `application`."""

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            done = None
            if "/s3/aws4_request" in environ.get("HTTP_AUTHORIZATION", "") and _is_plain(environ):
                done = self._answer(environ)
            if done is None:
                return application(environ, start_response)
            status, headers, body = done
            start_response(status, headers)
            return [body] if isinstance(body, bytes) else body

        return answer

    def _answer(self, environ: dict[str, Any]) -> Answer | None:
        """Return the answer; None when it is moto's to give. What is not answered is not read either."""
        match = _PATH.fullmatch(environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"))
        bucket = self._plain_bucket(match[1]) if match else None
        if match is None or bucket is None:
            return None
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        query.pop("x-id", None)  # names the operation, for people who read logs
        if match[2]:
            return self._answer_for_object(environ, bucket, match[2], query)
        is_listing = environ["REQUEST_METHOD"] == "GET" and query.get("list-type") == "2"
        return self._list(environ, bucket, query) if is_listing and query.keys() <= _LIST_OPTIONS else None

    def _answer_for_object(
        self, environ: dict[str, Any], bucket: Any, key: str, query: Mapping[str, str]
    ) -> Answer | None:
        method = environ["REQUEST_METHOD"]
        if method == "PUT" and query.keys() == {"partNumber", "uploadId"}:
            return self._put_part(environ, bucket, key, query)
        if query or method not in ("PUT", "GET", "HEAD"):
            return None
        if method == "PUT":
            return self._put(environ, bucket, key)
        return self._get(environ, bucket, key, with_body=method == "GET")

    def _plain_bucket(self, name: str) -> Any:
        """Return the bucket `name`; None without one, and for one that has more to it than objects."""
        bucket = self._backend.buckets.get(name)
        return None if bucket is None or bucket.object_lock_enabled or bucket.logging or key_of(bucket) else bucket

    def _is_allowed(self, operation: str, bucket: Any, key: str, **params: Any) -> bool:
        """Return whether every check passes; a refusal is moto's to phrase, since it meets the same checks there."""
        try:
            check_unrouted(self._account, "s3", operation, {"Bucket": bucket.name, **params})
        except ServiceException:
            return False
        action = "s3:ListBucket" if operation == "ListObjectsV2" else f"s3:{operation}"
        resource = f"arn:aws:s3:::{bucket.name}/{key}" if key else f"arn:aws:s3:::{bucket.name}"
        return bool(bucket.get_permission(action, resource) != PermissionResult.DENIED)

    def _put(self, environ: dict[str, Any], bucket: Any, key: str) -> Answer | None:
        if environ.get("wsgi.input_terminated") or not self._is_allowed("PutObject", bucket, key, Key=key):
            return None
        received = self._receive(environ)
        if received is None:
            return _BAD_DIGEST
        content, etag, checksum = received
        stored = self._backend.put_object(
            bucket.name, key, content, storage="STANDARD", etag=etag, checksum_value=checksum
        )
        stored.checksum_algorithm = "CRC32" if checksum else None
        stored.set_metadata(_metadata(environ))
        stored.set_acl(bucket.acl)
        headers = {name: value for name, value in stored.response_dict.items() if name != "content-length"}
        headers |= {"x-amz-checksum-crc32": checksum} if checksum else {}
        return "200 OK", [*headers.items(), ("Content-Length", "0")], b""

    def _put_part(self, environ: dict[str, Any], bucket: Any, key: str, query: Mapping[str, str]) -> Answer | None:
        """Take a part of an upload: moto would hold it in memory several times over, and ten come at once."""
        upload, number = bucket.multiparts.get(query["uploadId"]), query["partNumber"]
        if upload is None or upload.key_name != key or not number.isdecimal() or not 0 < int(number) <= MAX_PARTS:
            return None
        if environ.get("wsgi.input_terminated") or not self._is_allowed("PutObject", bucket, key, Key=key):
            return None
        received = self._receive(environ)
        if received is None:
            return _BAD_DIGEST
        content, etag, checksum = received
        part = upload.set_part(int(number), content)
        part._etag = etag
        headers = {"ETag": part.etag, "Content-Length": "0"} | _encryption_headers(upload)
        return "200 OK", [*(headers | ({"x-amz-checksum-crc32": checksum} if checksum else {})).items()], b""

    def _receive(self, environ: dict[str, Any]) -> tuple[Any, str | None, str | None] | None:
        """Return the body, on disk if it is large, its MD5 where that is known, and the checksum that came with it.

        None for a body that does not have this checksum.
        """
        size = int(environ.get("CONTENT_LENGTH") or 0)
        checksum = environ.get("HTTP_X_AMZ_CHECKSUM_CRC32")
        content: Any = None
        if size >= LARGE_BYTES:
            content = self._disk.store(blocks_of(environ["wsgi.input"], size))
            crc32, etag = content.crc32, content.md5
        else:
            content = environ["wsgi.input"].read(size)
            crc32, etag = zlib.crc32(content), None
        return None if checksum is not None and checksum != _crc32(crc32) else (content, etag, checksum)

    def _get(self, environ: dict[str, Any], bucket: Any, key: str, *, with_body: bool) -> Answer | None:
        versions = bucket.keys.getlist(key, [])
        stored = versions[-1] if versions else None
        if not isinstance(stored, FakeKey) or stored.storage_class != "STANDARD":
            return None
        span = _span(environ.get("HTTP_RANGE", ""), stored.size) if with_body else None
        if "HTTP_RANGE" in environ and span is None:
            return None
        if not _is_as_expected(stored, environ):
            return None
        if not self._is_allowed("GetObject" if with_body else "HeadObject", bucket, key, Key=key):
            return None
        headers = {**stored.response_dict, **stored.metadata, "Accept-Ranges": "bytes"}
        if span is not None:
            first, last = span
            headers |= {"Content-Range": f"bytes {first}-{last}/{stored.size}", "content-length": last + 1 - first}
            body = blocks_of_key(stored, first, last + 1 - first)
            return "206 Partial Content", [(name, str(value)) for name, value in headers.items()], body
        if stored.checksum_algorithm and environ.get("HTTP_X_AMZ_CHECKSUM_MODE") == "ENABLED":
            headers |= _checksum_headers(stored)
        return "200 OK", [(name, str(value)) for name, value in headers.items()], _body(stored) if with_body else b""

    def _list(self, environ: dict[str, Any], bucket: Any, query: Mapping[str, str]) -> Answer | None:
        after = _decoded(query["continuation-token"]) if "continuation-token" in query else query.get("start-after", "")
        limit = query.get("max-keys", str(MAX_KEYS))
        if after is None or not limit.isdecimal():
            return None
        prefix = query.get("prefix", "")
        if not self._is_allowed("ListObjectsV2", bucket, "", Prefix=prefix):
            return None
        num_wanted = min(int(limit), MAX_KEYS)
        newest = ((name, versions[-1]) for name, versions in sorted(_items(bucket)) if name.startswith(prefix))
        following = ((name, stored) for name, stored in newest if name > after and isinstance(stored, FakeKey))
        page = list(islice(following, num_wanted + 1))
        body = _listing(bucket.name, query, page[:num_wanted], is_truncated=len(page) > num_wanted > 0)
        return "200 OK", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))], body


def _crc32(checksum: int) -> str:
    """Return the checksum as S3's header has it: four bytes, the highest first, in base64."""
    return base64.b64encode(checksum.to_bytes(4, "big")).decode()


def _is_as_expected(stored: FakeKey, environ: Mapping[str, Any]) -> bool:
    """Return whether the object is the one that If-Match asks for, as a download in ranges does, if anything does."""
    expected = environ.get("HTTP_IF_MATCH", "*").strip()
    return bool(expected == "*" or expected.strip('"') == stored.etag.strip('"'))


def _checksum_headers(stored: Any) -> dict[str, str]:
    """Return the checksum that the object was put with; one made of its parts' says how many there were."""
    count = f"-{stored.checksum_parts}" if stored.checksum_type == "COMPOSITE" else ""
    headers = {f"x-amz-checksum-{stored.checksum_algorithm.lower()}": f"{stored.checksum_value}{count}"}
    return headers | ({"x-amz-checksum-type": stored.checksum_type} if stored.checksum_type else {})


def _encryption_headers(upload: Any) -> dict[str, str]:
    """Return what UploadPart's answer says of the encryption that its upload was made with."""
    name = "x-amz-server-side-encryption"
    kept = {name: upload.sse_encryption, f"{name}-aws-kms-key-id": upload.kms_key_id}
    return {header: value for header, value in kept.items() if value}


def _body(stored: FakeKey) -> bytes | Iterable[bytes]:
    """Return the content: whole when it is small, else a block at a time."""
    content: bytes = stored.value if stored.size < LARGE_BYTES else b""
    return content if stored.size < LARGE_BYTES else blocks_of_key(stored)


def _span(header: str, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte that a Range header asks for; None when it asks for something else."""
    match = _RANGE.fullmatch(header)
    if match is None or int(match[1]) >= size:
        return None
    first, last = int(match[1]), min(int(match[2]) if match[2] else size - 1, size - 1)
    return (first, last) if first <= last else None


def _is_plain(environ: Mapping[str, Any]) -> bool:
    if environ.get("HTTP_X_AMZ_CONTENT_SHA256", "").startswith("STREAMING"):
        return False
    if environ.get("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", "CRC32") != "CRC32":
        return False
    if "HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM" in environ and "HTTP_X_AMZ_CHECKSUM_CRC32" not in environ:
        return False
    conditions = _CONDITIONS - {"HTTP_IF_MATCH"} if environ["REQUEST_METHOD"] in ("GET", "HEAD") else _CONDITIONS
    return not any(
        name in conditions
        or (name.startswith("HTTP_X_AMZ_") and name not in _PLAIN and not name.startswith("HTTP_X_AMZ_META_"))
        for name in environ
    )


def _metadata(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return an object's metadata as moto keeps it, by the names that the answer to GetObject gives back."""
    system = {name: environ[key] for key, name in _SYSTEM_METADATA.items() if environ.get(key)}
    spelt = environ.get(PRESERVED_HEADER_NAMES_ENVIRON_KEY) or {}  # names with underscores, which WSGI does not tell
    own = {
        spelt.get(name, name[len("HTTP_") :].replace("_", "-")).lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_X_AMZ_META_")
    }
    return system | own


def _items(bucket: Any) -> list[tuple[str, list[Any]]]:
    """Return (name, versions) of every object, as of now: other threads go on adding some."""
    return [(name, bucket.keys.getlist(name)) for name in list(dict.keys(bucket.keys))]


def _listing(bucket_name: str, query: Mapping[str, str], page: list[tuple[str, Any]], *, is_truncated: bool) -> bytes:
    """Return the body of a ListObjectsV2 answer. Source: Amazon S3 API reference, ListObjectsV2."""
    shown = (lambda text: escape(quote(text, safe="/"))) if query.get("encoding-type") == "url" else escape
    contents = "".join(
        f"<Contents><Key>{shown(name)}</Key><LastModified>{stored.last_modified_ISO8601}</LastModified>"
        f"<ETag>{escape(stored.etag)}</ETag><Size>{stored.size}</Size>{_algorithm(stored)}"
        f"<StorageClass>{stored.storage_class}</StorageClass></Contents>"
        for name, stored in page
    )
    echoed = {"encoding-type": "EncodingType", "continuation-token": "ContinuationToken"}
    echoed |= {} if "continuation-token" in query else {"start-after": "StartAfter"}  # a token is what counts then
    texts = "".join(
        f"<{tag}>{shown(query[name]) if name == 'start-after' else escape(query[name])}</{tag}>"
        for name, tag in echoed.items()
        if query.get(name)
    )
    following = f"<NextContinuationToken>{_encoded(page[-1][0])}</NextContinuationToken>" if is_truncated else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{escape(bucket_name)}</Name><Prefix>{shown(query.get('prefix', ''))}</Prefix>"
        f"<MaxKeys>{query.get('max-keys', MAX_KEYS)}</MaxKeys><KeyCount>{len(page)}</KeyCount>"
        f"<IsTruncated>{str(is_truncated).lower()}</IsTruncated>{texts}{following}{contents}</ListBucketResult>"
    ).encode()


def _algorithm(stored: FakeKey) -> str:
    name = stored.checksum_algorithm
    return f"<ChecksumAlgorithm>{escape(name)}</ChecksumAlgorithm>" if name else ""


def _encoded(name: str) -> str:
    return base64.urlsafe_b64encode(b"after:" + name.encode()).decode()


def _decoded(token: str) -> str | None:
    """Return the name after which a listing goes on; None for a token that was not issued here."""
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        return None
    return text.removeprefix("after:") if text.startswith("after:") else None
