"""Requests that were sent to AWS's own host names, put as the account itself is asked.

Source: Amazon S3 user guide, "Virtual hosting of general purpose buckets".
"""

import re
from typing import Any

from embedded_account.iam.signatures import SIGNED_HOST, SIGNED_PATH, raw_path

_BUCKET = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9._-]+)\.s3(?:\.dualstack)?(?:[.-][a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com(?::443)?"
)
_SERVICE = re.compile(r"(?!.+\.s3-)(?:[a-z0-9-]+\.)+amazonaws\.com(?::443)?")


def as_asked_here(environ: dict[str, Any], own_host: str) -> None:
    """Let a request for AWS's host name be one for `own_host`; a bucket in the name begins the path.

    The signature goes on to be that of the request as it was sent. A name that is none of AWS's stays as it is.
    """
    host = environ.get("HTTP_HOST", "").lower()
    bucket = _BUCKET.fullmatch(host)
    if not (bucket or _SERVICE.fullmatch(host)):
        return
    environ[SIGNED_HOST], environ[SIGNED_PATH] = environ["HTTP_HOST"], raw_path(environ)
    environ["HTTP_HOST"] = own_host
    if bucket:
        for name in ("PATH_INFO", "RAW_URI", "REQUEST_URI"):
            environ[name] = f"/{bucket['bucket']}{environ[name]}"
