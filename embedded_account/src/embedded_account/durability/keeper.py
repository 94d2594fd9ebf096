"""Writes what the account's services keep into the state folder, and gives it back to them at the next start."""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.durability.allowed import ForbiddenError
from embedded_account.durability.pickles import UnpicklableError, dumps, loads
from embedded_account.s3.disk import Disk

logger = logging.getLogger("embedded_account.durability")

_SAVE_SECONDS = 0.5  # real ones: a kill loses at most so much
_REST = 20  # times as long as a save took, before the next
_TRIES = 5


@dataclass(frozen=True)
class Part:
    """What one service keeps. `read` returns it, `write` takes it back before the first request."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None]


class Keeper:
    """Saves the parts that have changed since they were saved last, in the background and at the end."""

    def __init__(self, account: Account, folder: Path, parts: list[Part], disk: Disk) -> None:
        self._account = account
        self._folder = folder
        self._parts = parts
        self._disk = disk
        self._named = {"account": account, "clock": account.clock, "metrics": account.metrics, "disk": disk}
        self._digests: dict[str, bytes] = {}
        self._failed: dict[str, str] = {}
        self._lock = Lock()
        self._has_ended = False
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # it holds the account's key, and whatever functions have in their environment

    def restore(self) -> list[str]:
        """Give every part back what was saved of it; return the names of the parts that had something."""
        restored = []
        for part in self._parts:
            path = self._path(part)
            if not path.exists():
                continue
            content = path.read_bytes()
            try:
                part.write(loads(content, self._named))
            except ForbiddenError as error:
                logger.error("%s is set aside, and %r starts empty: %s", path, part.name, error)  # noqa: TRY400
                path.rename(path.with_suffix(".refused"))
                continue
            except Exception:
                logger.exception("the state of %r could not be taken back from %s; it starts empty", part.name, path)
                path.rename(path.with_suffix(".unreadable"))
                continue
            restored.append(part.name)
        return restored

    def start(self) -> None:
        """Save from now on."""
        self._account.start_thread("state", self._loop)
        self._account.on_stop(self.end)

    def save(self) -> None:
        """Save every part that has changed; one that cannot be saved is logged and keeps its last save."""
        with self._lock:
            if not self._has_ended:
                self._save_all()

    def end(self) -> None:
        """Save for the last time: what services let go as they stop is theirs at the next start."""
        with self._lock:
            self._save_all()
            self._has_ended = True

    def _save_all(self) -> None:
        doomed = self._disk.doomed()  # from here on, no part refers to these any more
        for part in self._parts:
            try:
                self._save(part)
            # RuntimeError: it changed at each try. OSError: no room; the doomed contents below give some.
            except (UnpicklableError, RuntimeError, OSError) as error:
                if self._failed.get(part.name) != str(error):
                    logger.error("the state of %r is not saved: %s", part.name, error)  # noqa: TRY400 (expected)
                self._failed[part.name] = str(error)
        for path in doomed:
            path.unlink(missing_ok=True)

    def _save(self, part: Part) -> None:
        content = self._content(part)
        digest = hashlib.sha256(content).digest()
        if self._digests.get(part.name) == digest:
            return
        path = self._path(part)
        scratch = path.with_suffix(".tmp")
        try:
            scratch.write_bytes(content)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
        self._digests[part.name] = digest

    def _content(self, part: Part) -> bytes:
        """Return the part as bytes; it may change under the pickler's hands, which is tried again."""
        for _ in range(_TRIES - 1):
            try:
                return dumps(part.read(), self._named)
            except RuntimeError:
                time.sleep(0.01)
        return dumps(part.read(), self._named)

    def _loop(self) -> None:
        rest = _SAVE_SECONDS
        while not self._account.stopping.wait(rest):
            started = time.monotonic()
            try:
                self.save()
            except Exception:
                logger.exception("the state could not be saved; it is tried again")
            rest = max(_SAVE_SECONDS, _REST * (time.monotonic() - started))

    def _path(self, part: Part) -> Path:
        return self._folder / f"{part.name}.pickle"
