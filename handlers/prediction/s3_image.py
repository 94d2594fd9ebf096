"""Read one image that a caller names by its S3 URI, from an allowed bucket and within the cap."""

import os
import re
from dataclasses import dataclass
from urllib.parse import quote

from handlers.prediction.aws_http import Response, Service, TooLateError, TooLongError, UnreachableError, service_url
from handlers.prediction.errors import (
    BadRequestError,
    FetchFailedError,
    ForbiddenError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotPermittedError,
    OutOfTimeError,
    PredictionError,
    UnavailableError,
)

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 60.0  # the time left for fetching is shorter
_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x1f\x7f]{1,1024})")
_CODE = re.compile(rb"<Code>([\w.]{1,60})</Code>")
_REGION = re.compile(r"[a-z0-9-]{5,30}")
# Without s3:ListBucket, which the role lacks, S3 answers AccessDenied for a key that does not exist. What is there and
# may not be read gets the same answer: nobody finds out by it which objects there are.
_NOT_THERE = frozenset({"NoSuchKey", "NoSuchBucket", "404", "AccessDenied", "403", "InvalidObjectState"})
_CREDENTIALS = frozenset({"ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_ELSEWHERE = frozenset({301, 307, 400})


@dataclass(frozen=True)
class Readable:
    """Which objects a caller may name: those of the data bucket below a prefix, and all of the other buckets."""

    data_bucket: str
    prefix: str
    other_buckets: frozenset[str]

    def allows(self, bucket: str, key: str) -> bool:
        """Tell whether the object may be read, if there is one."""
        return bucket in self.other_buckets or (bucket == self.data_bucket and key.startswith(self.prefix))


def read(s3_uri: str, readable: Readable, *, max_bytes: int, until: float) -> bytes:
    """Return the object's bytes, before `until` (time.monotonic()).

    Raises:
        BadRequestError, ForbiddenError, ImageNotFoundError, ImageTooLargeError, OutOfTimeError, FetchFailedError,
        NotPermittedError, UnavailableError
    """
    match = _URI.fullmatch(s3_uri)
    key = _encoded_key(match[2]) if match else None
    if match is None or key is None:
        raise BadRequestError("s3_uri: not of the form s3://BUCKET/KEY")
    bucket = match[1]
    if not readable.allows(bucket, match[2]):
        raise ForbiddenError("s3_uri: may not be read; the parameters AllowedBuckets and PredictPrefix say what may")
    own_region = os.environ.get("AWS_REGION", "us-east-1")
    response = _get(bucket, key, own_region, max_bytes, until)
    region = response.headers.get("x-amz-bucket-region", own_region)
    if response.status in _ELSEWHERE and region != own_region and _REGION.fullmatch(region):
        response = _get(bucket, key, region, max_bytes, until)
    if response.status != 200:
        raise _refused(response, bucket)
    return response.body


def _get(bucket: str, key: str, region: str, max_bytes: int, until: float) -> Response:
    service, prefix = _service(bucket, region)
    try:
        return service.ask("GET", f"{prefix}/{key}", {}, b"", until=until, max_bytes=max_bytes)
    except TooLongError as error:
        raise ImageTooLargeError(f"s3_uri: the image is too large; at most {max_bytes} bytes are taken") from error
    except TooLateError as error:
        raise OutOfTimeError("s3_uri: S3 did not answer in time; try again") from error
    except UnreachableError as error:
        raise _unavailable(f"S3 could not be reached ({error})") from error


_services: dict[tuple[str, str], tuple[Service, str]] = {}  # by bucket and region; only allowed buckets come in


def _service(bucket: str, region: str) -> tuple[Service, str]:
    """Return where a bucket is, and what its paths begin with: a host of its own, unless its name has dots in it."""
    if (bucket, region) not in _services:
        url, prefix = service_url("S3", "s3", region), f"/{bucket}"
        if url.startswith("https://s3.") and "." not in bucket:
            url, prefix = url.replace("https://", f"https://{bucket}.", 1), ""
        _services[bucket, region] = Service(url, "s3", region, CONNECT_SECONDS, ANSWER_SECONDS), prefix
    return _services[bucket, region]


def forget() -> None:
    """Close every connection, and read where S3 is once more."""
    while _services:
        service, _ = _services.popitem()[1]
        service.close()


def _encoded_key(key: str) -> str | None:
    try:
        return quote(key, safe="/-_.~") if len(key.encode()) <= 1024 else None
    except UnicodeEncodeError:
        return None


def _refused(response: Response, bucket: str) -> PredictionError:
    named = _CODE.search(response.body)
    code = named[1].decode() if named else str(response.status)
    if code in _NOT_THERE or code.startswith("KMS."):
        return ImageNotFoundError(f"s3_uri: no such object in bucket {bucket!r}, or the function may not read it")
    if response.status >= 500 or code == "SlowDown":
        return _unavailable(f"S3 answered {code}")
    if code in _CREDENTIALS:
        return NotPermittedError(f"s3_uri: S3 refused the function's own credentials ({code}); see the PredictRole")
    return FetchFailedError(f"s3_uri: S3 answered {code}; check the object and its encryption")


def _unavailable(what: str) -> UnavailableError:
    error = UnavailableError(f"s3_uri: {what}; try again")
    error.retry_after_seconds = 1
    return error
