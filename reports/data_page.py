"""The page about a dataset: what is wrong with its pictures, the costliest first, to be ticked and carried out."""

import base64
import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports.pages import render

COLUMNS = (
    "action", "value", "path", "kind", "class", "split", "suggestion", "other", "other_class", "score", "reason",
    "sha256",
)  # fmt: skip
_SCRIPT = Path(__file__).resolve().parent / "templates" / "data.js"


def data_page(examination: Mapping[str, Any], thumbnails: Mapping[str, bytes], name: str, most: int) -> str:
    """Return the page; `thumbnails` are JPEGs by the path of the picture, and `most` rows are shown."""
    script = _SCRIPT.read_text(encoding="utf-8")
    return render(
        "data.html",
        title=f"Data of {name}",
        examination=examination,
        rows=[{**row, "csv": csv_row(row)} for row in examination["findings"][:most]],
        thumbnails=thumbnails,
        columns=COLUMNS,
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def data_csv(findings: Sequence[Mapping[str, Any]]) -> str:
    """Return all findings as CSV; the action, drop, relabel or move with a value, is the person's to fill in."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(["", *csv_row(row)[1:]] for row in findings)
    return text.getvalue()


def csv_row(row: Mapping[str, Any]) -> list[str]:
    """Return a finding as a row whose action is the one that is suggested."""
    path, other = row.get("path_file", row["path"]), row.get("other_file", row["other"])
    suggestion = f"{row['action']} {row['value']}".strip()
    names = [row["kind"], row["class_name"], row["split"], suggestion, other, row["other_class"], row["score"]]
    return [row["action"], row["value"], path, *map(str, names), row["reason"], row.get("sha256", "")]
