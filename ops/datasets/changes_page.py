"""The page of `deploy.py data diff`, with small pictures of what differs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from ops.datasets import restoring
from ops.datasets.differences import Change
from ops.datasets.records import RunRecord
from ops.session import MAX_CONNECTIONS, REPOSITORY, Session

_MOST = 120  # pictures of a kind on the page
_SIDE = 160  # pixels
_MAX_BYTES = 32 * 2**20


def write(
    session: Session, old: RunRecord, new: RunRecord, kinds: Mapping[str, Sequence[Change]], path: Path | None
) -> Path:
    """Write the page and return its path."""
    from reports.changes import changes_page

    shown = {kind: changes[:_MOST] for kind, changes in kinds.items()}
    with ThreadPoolExecutor(MAX_CONNECTIONS) as pool:
        rows = {
            kind: list(pool.map(lambda change: _row(session, old, new, change), changes))
            for kind, changes in shown.items()
        }
    page = changes_page(old.name, new.name, {kind: len(changes) for kind, changes in kinds.items()}, rows)
    default = REPOSITORY / "build" / "reports" / session.stack_name / new.name / f"changes-since-{old.name}.html"
    target = (path or default).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8", errors="replace")
    return target


def _row(session: Session, old: RunRecord, new: RunRecord, change: Change) -> dict[str, object]:
    record, picture = (new, change.after) if change.after else (old, change.before)
    assert picture is not None  # noqa: S101
    try:
        data = restoring.content(session, record, picture) if picture.size <= _MAX_BYTES else None
    except (ClientError, BotoCoreError):
        data = None
    return {"path": change.path, "words": change.words, "thumbnail": thumbnail(data) if data else None}


def thumbnail(data: bytes) -> bytes | None:
    """Return a picture as a small JPEG; None where it cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (_SIDE, _SIDE))  # a JPEG is read at an eighth of its size, where that is enough
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((_SIDE, _SIDE))
    except Exception:  # noqa: BLE001 - Pillow raises anything on a damaged file, and the page is worth more
        return None
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
