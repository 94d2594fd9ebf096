"""For which service a request says it is signed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

# moto makes a host name of region and service and looks for who serves it: a region that is none could name S3.
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}|aws-global")


@dataclass(frozen=True)
class Scope:
    """What stands in a signature's credential; `service` is empty for a request that is not signed."""

    service: str
    credential: str = ""

    @property
    def region(self) -> str:
        """The region of the credential; "" without one."""
        return self.credential.split("/")[2] if self.credential else ""

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> "Scope":
        """Return the scope of the WSGI request in `environ`; that of the older signatures is S3's."""
        authorization, query = environ.get("HTTP_AUTHORIZATION", ""), environ.get("QUERY_STRING", "")
        if authorization:
            return cls._of_credential(authorization.partition("Credential=")[2].partition(",")[0].strip(), "s3")
        if "AWSAccessKeyId=" in query:
            return cls("s3")
        parsed = parse_qs(query) if "X-Amz-Signature=" in query else {}
        return cls._of_credential(parsed.get("X-Amz-Credential", [""])[0], "")

    @classmethod
    def _of_credential(cls, credential: str, otherwise: str) -> "Scope":
        parts = credential.split("/")
        if len(parts) != 5:
            return cls(otherwise)
        return cls(parts[3].lower(), credential) if _REGION.fullmatch(parts[2]) else cls("")

    def header(self, region: str) -> str:
        """Return the authorization header by which moto routes a request to the service of `region`, and to no other.

        Whoever asks a service that has no region may have signed for any.
        """
        credential = self.credential.replace(f"/{self.region}/", f"/{region}/")
        return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=verified"
