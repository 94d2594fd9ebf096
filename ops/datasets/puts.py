"""Puts of small objects: the first as the SDK does, the others the same way over connections of their own.

The SDK takes six times as much of a core for each, see docs/experiments.md. What does not succeed at once is left to
it, and so is all that follows: it retries, and says why not.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.utils import get_environ_proxies

from handlers.prediction.aws_http import Response, Service, TooLateError, TooLongError, UnreachableError
from handlers.prediction.sigv4 import Credentials
from ops.session import Session

_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 70.0
_MAX_ANSWER_BYTES = 64 * 1024


class Puts:
    """Puts objects below one prefix of a bucket, for any number of threads; a context, which closes its connections."""

    def __init__(self, session: Session, bucket: str, prefix: str) -> None:
        self._session, self._bucket, self._prefix = session, bucket, prefix
        self._service: Service | None = None
        self._path = ""  # of the prefix, at the service
        self._is_left_to_sdk = False

    def __enter__(self) -> Puts:
        """Return these puts."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        if self._service is not None:
            self._service.close()

    def begin(self, name: str) -> None:
        """Put an empty object; where the SDK sends it, the others go too."""
        urls: list[str] = []
        events = self._session.s3.meta.events

        def note(request: Any, **_: Any) -> None:
            urls.append(request.url)

        events.register("before-send.s3.PutObject", note, unique_id="address")
        try:
            self._session.s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=b"")
        finally:
            events.unregister("before-send.s3.PutObject", unique_id="address")
        parts = urlsplit(urls[-1])
        address = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path.removesuffix(name)
        if not get_environ_proxies(address):
            self._service = Service(
                address, "s3", self._session.region, _CONNECT_SECONDS, _ANSWER_SECONDS, self._credentials
            )

    def put(self, name: str, content: bytes, content_type: str) -> None:
        """Put an object."""
        answer = self._answer(name, content, content_type)
        if answer is None or answer.status != HTTPStatus.OK:
            self._is_left_to_sdk = True
            self._session.s3.put_object(
                Bucket=self._bucket, Key=self._prefix + name, Body=content, ContentType=content_type
            )

    def _answer(self, name: str, content: bytes, content_type: str) -> Response | None:
        """Return what S3 says to one try; None when it says nothing, or is not to be asked."""
        if self._service is None or self._is_left_to_sdk:
            return None
        path = self._path + quote(name, safe="/-_.~")
        until = time.monotonic() + _CONNECT_SECONDS + _ANSWER_SECONDS
        headers = {"Content-Type": content_type}
        try:
            return self._service.ask("PUT", path, headers, content, until=until, max_bytes=_MAX_ANSWER_BYTES)
        except (TooLateError, TooLongError, UnreachableError):
            return None

    def _credentials(self) -> Credentials:
        """Return those of now: they may be temporary."""
        now = self._session.boto3.get_credentials().get_frozen_credentials()
        return Credentials(now.access_key, now.secret_key, now.token or "")
