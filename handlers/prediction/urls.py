"""A URL as a fetch takes it: strictly, and only to where one may go."""

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from handlers.prediction.errors import BadRequestError, FetchFailedError, ForbiddenError

MAX_URL_CHARACTERS = 8192
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?")
_QUERY = "/%:@!$&'()*+,;=~?[]"


class Target(NamedTuple):
    """Where one hop goes."""

    scheme: str
    host: str
    port: int
    path: str  # with the query string

    @property
    def origin(self) -> str:
        """`scheme://host[:port]`, the only part of a URL that is ever logged or answered."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Fetchable:
    """Where a fetch may go: HTTPS at these ports of any public address, and whatever these origins serve."""

    origins: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset({443})

    def trusts(self, target: Target) -> bool:
        """Tell whether the target is of an origin that needs neither HTTPS nor a public address."""
        return target.origin in self.origins

    def check(self, target: Target) -> None:
        """Raise ForbiddenError for a port that nothing is fetched from."""
        if target.port not in self.ports and not self.trusts(target):
            raise ForbiddenError(f"url: port {target.port} is not fetched from; use one of {sorted(self.ports)}")


PUBLIC = Fetchable()


def parse_url(url: str, fetchable: Fetchable = PUBLIC) -> Target:
    """Split `url`, strictly: what two parsers could read in two ways is refused.

    Raises:
        BadRequestError: it is not an absolute HTTPS URL with a plain host; plain HTTP needs an allowed origin.
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise BadRequestError(f"url: {len(url)} characters; at most {MAX_URL_CHARACTERS} are taken")
    if re.search(r"[\x00-\x20\x7f\\\ud800-\udfff]", url):
        raise BadRequestError("url: holds a space, a control character or a backslash; percent-encode it")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise BadRequestError("url: host or port cannot be read; expected https://HOST/PATH") from error
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise BadRequestError("url: not an absolute HTTPS URL; expected https://HOST/PATH")
    if "@" in parts.netloc:
        raise BadRequestError("url: holds a user name or password; they are never sent, remove them")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
        f"?{quote(parts.query, safe=_QUERY)}" if parts.query else ""
    )
    target = Target(parts.scheme, _plain_host(host), _DEFAULT_PORTS[parts.scheme] if port is None else port, path)
    if target.port == 0:
        raise BadRequestError("url: port 0; leave the port out or give the one that the server listens on")
    if target.scheme != "https" and not fetchable.trusts(target):
        raise BadRequestError(f"url: {target.origin} is not HTTPS; only https:// is fetched")
    return target


def _plain_host(host: str) -> str:
    """Return the ASCII form of a host name or IPv4 address."""
    try:
        ascii_host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError as error:
        raise BadRequestError("url: the host is not a valid name; expected https://HOST/PATH") from error
    if not _HOST.fullmatch(ascii_host):
        raise BadRequestError("url: the host is neither a name nor an IPv4 address; expected https://HOST/PATH")
    return ascii_host.lower()


def redirected(target: Target, location: str) -> str:
    """Return the URL that a server at `target` sends its caller to.

    Raises:
        FetchFailedError: it is none.
    """
    try:
        return urljoin(f"{target.origin}{target.path}", location)
    except ValueError as error:
        raise FetchFailedError(f"url: {target.origin} redirects to what is no address; expected an image") from error
