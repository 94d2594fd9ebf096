"""What the embedded account has under way, on disk, so that the next start can say what a kill has lost."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

logger = logging.getLogger("embedded_account")


@dataclass(frozen=True)
class Entry:
    """One thing that exists or runs in the account: a stack, an execution, a training job, an endpoint."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


class Journal:
    """An append-only file of begun and ended things."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()

    def begin(self, kind: str, name: str) -> None:
        """Note that `name` of `kind` now exists or runs."""
        self._append({"Began": True, "Kind": kind, "Name": name})

    def end(self, kind: str, name: str) -> None:
        """Note that `name` of `kind` is gone or done."""
        self._append({"Began": False, "Kind": kind, "Name": name})

    def unfinished(self) -> list[Entry]:
        """Return what began and did not end, oldest first; a line cut off by a kill is passed over."""
        open_entries: dict[Entry, None] = {}
        for line in self._path.read_text().splitlines() if self._path.exists() else []:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            entry = Entry(record["Kind"], record["Name"])
            open_entries.pop(entry, None)
            if record["Began"]:
                open_entries[entry] = None
        return list(open_entries)

    def clear(self) -> None:
        """Forget everything."""
        self._path.unlink(missing_ok=True)

    def _append(self, record: dict[str, object]) -> None:
        """Note `record`; where there is no room for it, what runs goes on, and a kill loses it without a word."""
        try:
            with self._lock, self._path.open("a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            logger.warning("journal: %s; %s is not noted", error, record)
