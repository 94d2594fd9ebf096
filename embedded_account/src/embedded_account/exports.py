"""Further variables for clients: AWS's own addresses through the account's proxy, and a role's credentials."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from embedded_account.account_error import AccountError
from embedded_account.control import ADDRESSES_PATH, ROLES_PATH, AccountInfo, ask

_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")  # of AWS's SDKs, of requests, of Python and curl
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def aws_addresses(info: AccountInfo, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables by which clients of AWS's own addresses reach the account.

    `environment` is the clients' own: what it trusts stays trusted, and what it reaches without a proxy is still.

    Raises:
        AccountError: it has a proxy already.
    """
    present = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or info.url
    if urlsplit(present).netloc != urlsplit(info.url).netloc:
        raise AccountError(
            f"HTTPS_PROXY {present!r}: the account would take its place and reach other hosts past it; unset it, or "
            "export without AWS's addresses"
        )
    certificate = Path(ask(info, "POST", ADDRESSES_PATH)["Certificate"])
    bundle = certificate.with_name("trusted.pem")
    bundle.write_bytes(_trusted(environment, bundle) + b"\n" + certificate.read_bytes())
    direct = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    hosts = ",".join(dict.fromkeys([*filter(None, direct.split(",")), *_LOOPBACK]))
    return {"HTTPS_PROXY": info.url, "NO_PROXY": hosts, "no_proxy": hosts, **dict.fromkeys(_BUNDLES, str(bundle))}


def role_session(info: AccountInfo, role: str) -> dict[str, str]:
    """Return the variables of credentials as a SageMaker notebook with the role has them, for twelve hours.

    Raises:
        AccountError: there is no such role, or SageMaker may not assume it.
    """
    return {str(name): str(value) for name, value in ask(info, "POST", ROLES_PATH, {"RoleName": role}).items()}


def _trusted(environment: Mapping[str, str], own: Path) -> bytes:
    """Return the certificates that are trusted without the account."""
    import certifi

    given = [environment[name] for name in reversed(_BUNDLES) if environment.get(name)]
    others = [Path(path) for path in given if Path(path) != own]
    return (others[0] if others else Path(certifi.where())).read_bytes()
