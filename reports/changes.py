"""The page about what differs between the pictures of two runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from reports.pages import render


def changes_page(
    before: str, after: str, counts: Mapping[str, int], rows: Mapping[str, Sequence[Mapping[str, Any]]]
) -> str:
    """Return the HTML page; a row has `path`, `words`, and `thumbnail`, a JPEG or None."""
    kinds = [
        {"name": kind, "count": count, "rows": rows[kind], "id": kind.replace(" ", "-")}
        for kind, count in counts.items()
    ]
    return render("changes.html", title=f"Changed pictures: {after}", before=before, after=after, kinds=kinds)
