"""Upload events: which dataset one is about, and whether it is the newest of its object and not yet handled.

S3 delivers an event at least once and in any order. Of one object the greater `sequencer` is the later event, compared
as hexadecimal numbers of different lengths.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.datasets.archives import ARCHIVE_SUFFIXES
from handlers.datasets.fingerprint import MARKER
from handlers.ledger.table import Table

CLAIM_SECONDS = 50  # Lambda repeats a crashed asynchronous invocation after a minute
_SEQUENCER_DIGITS = 64
_DATASET_KEY = re.compile(
    rf"datasets/(?P<name>[^/]+?)(?P<ending>/{MARKER}|{'|'.join(re.escape(s) for s in ARCHIVE_SUFFIXES)})"
)


@dataclass(frozen=True)
class Upload:
    name: str
    s3_uri: str  # of the folder, ending in "/", or of the archive
    key: str
    sequencer: str


def parse_upload(event: Mapping[str, Any]) -> Upload | None:
    """Return the dataset that an S3 "Object Created" event completes, or None if it completes none."""
    bucket, entry = event["detail"]["bucket"]["name"], event["detail"]["object"]
    found = parse_key(bucket, entry["key"])  # EventBridge carries keys as they are; only S3 notifications encode them
    return Upload(*found, entry["key"], entry.get("sequencer", "")) if found else None


def parse_key(bucket: str, key: str) -> tuple[str, str] | None:
    """Return name and URI of the dataset that the object completes, or None."""
    match = _DATASET_KEY.fullmatch(key)
    if match is None:
        return None
    path = key.removesuffix(MARKER) if match["ending"].startswith("/") else key
    return match["name"], f"s3://{bucket}/{path}"


def comparable(sequencer: str) -> str:
    """Return the sequencer so that strings compare as the numbers do."""
    return sequencer.upper().rjust(_SEQUENCER_DIGITS, "0")


def claim(table: Table, upload: Upload) -> bool:
    """Claim the event; False if it is a duplicate or older than one that was handled.

    A claim runs out after CLAIM_SECONDS unless `finish` was called, so a crash loses no event.
    """
    if not upload.sequencer:
        return True
    now = int(time.time())
    item = {"Id": _key(upload), "Sequencer": comparable(upload.sequencer), "Status": "CLAIMED", "ClaimedAt": now}
    newer = "attribute_not_exists(#Id) OR #Sequencer < :sequencer"
    unfinished = "#Sequencer = :sequencer AND #Status = :claimed AND #ClaimedAt < :stale"
    values = {"sequencer": item["Sequencer"], "claimed": "CLAIMED", "stale": now - CLAIM_SECONDS}
    return table.put(item, f"{newer} OR ({unfinished})", **values)


def finish(table: Table, upload: Upload) -> None:
    """Mark a claimed event as handled for good."""
    _set(table, upload, {"Status": "DONE"})


def release(table: Table, upload: Upload) -> None:
    """Give a claim back after a failure, so that the repeated invocation may take it at once."""
    _set(table, upload, {"ClaimedAt": 0})


def _set(table: Table, upload: Upload, changes: Mapping[str, Any]) -> None:
    """Change the event's item, unless a newer event has taken its place."""
    if upload.sequencer:
        table.update(_key(upload), changes, "#Sequencer = :own", own=comparable(upload.sequencer))


def _key(upload: Upload) -> str:
    return f"event#{upload.key}"
