"""Read one image that a caller names by its S3 URI, from an allowed bucket and within the cap."""

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from handlers.predict_errors import (
    BadRequestError,
    FetchFailedError,
    ForbiddenError,
    ImageNotFoundError,
    ImageTooLargeError,
    OutOfTimeError,
    UnavailableError,
)

_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x1f\x7f]{1,1024})")
# Without s3:ListBucket, which the role lacks, S3 answers AccessDenied for a key that does not exist.
_NOT_THERE = frozenset({"NoSuchKey", "NoSuchBucket", "404", "AccessDenied", "403", "InvalidObjectState"})


def read(s3: Callable[[], Any], s3_uri: str, allowed_buckets: frozenset[str], max_bytes: int) -> bytes:
    """Return the object's bytes; `s3` gives the client, and is asked for it only when the URI is allowed.

    Raises:
        BadRequestError, ForbiddenError, ImageNotFoundError, ImageTooLargeError, OutOfTimeError, FetchFailedError
    """
    match = _URI.fullmatch(s3_uri)
    if not match or not _is_key(match[2]):
        raise BadRequestError("s3_uri: not of the form s3://BUCKET/KEY")
    bucket, key = match.groups()
    if bucket not in allowed_buckets:
        raise ForbiddenError(f"s3_uri: bucket {bucket!r} is not allowed; add it to the AllowedBuckets parameter")
    try:
        answer = s3().get_object(Bucket=bucket, Key=key)
        with answer["Body"] as body:
            if answer["ContentLength"] > max_bytes:
                raise ImageTooLargeError(
                    f"s3_uri: the image has {answer['ContentLength']} bytes; at most {max_bytes} are taken"
                )
            content: bytes = body.read()
    except ClientError as error:
        raise _refused(error, bucket) from error
    except (ReadTimeoutError, ConnectTimeoutError) as error:
        raise OutOfTimeError("s3_uri: S3 did not answer in time; try again") from error
    except (BotoCoreError, OSError, UnicodeError) as error:
        raise FetchFailedError(f"s3_uri: S3 could not be read ({type(error).__name__}); try again") from error
    return content


def _is_key(key: str) -> bool:
    try:
        return len(key.encode()) <= 1024
    except UnicodeEncodeError:
        return False


def _refused(error: ClientError, bucket: str) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _NOT_THERE:
        return ImageNotFoundError(f"s3_uri: no such object in bucket {bucket!r}, or the function may not read it")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= 500 or code == "SlowDown":
        return UnavailableError(f"s3_uri: S3 answered {code}; try again")
    return FetchFailedError(f"s3_uri: S3 answered {code}; check the object and its encryption")
