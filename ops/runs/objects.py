"""Objects that an execution has left in the bucket, read in bounded memory."""

from __future__ import annotations

from botocore.exceptions import ClientError

from ops.errors import ReportError, error_code
from ops.session import Session


def object_of(session: Session, bucket: str, key: str, max_bytes: int) -> bytes | None:
    """Return the object, None where there is none.

    Raises:
        ReportError: it is larger than `max_bytes`.
    """
    try:
        answer = session.s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in {"NoSuchKey", "404"}:
            return None
        raise
    if answer["ContentLength"] > max_bytes:
        answer["Body"].close()
        raise ReportError(
            f"output s3://{bucket}/{key}: has {answer['ContentLength']} bytes, over {max_bytes}; fetch it by hand"
        )
    return answer["Body"].read()
