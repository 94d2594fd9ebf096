"""What was found in the pictures of an execution: how they were read, how many there are, what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from datasets.summary import class_lines, reasons
from ops.errors import ReportError
from ops.runs.executions import Execution
from ops.runs.objects import object_of
from ops.session import Session

REPORT = "runs/{}/dataset/report.json"  # ValidateDataset writes it
FINDINGS = "findings.json"  # ComputeFeatures' job writes it
MAX_BYTES = 64 << 20
_MAX_SENTENCES = 10
_MAX_LETTERS = 400


@dataclass(frozen=True)
class DataFindings:
    """What ValidateDataset and the examination said; `classes` are counts by split, as they are used."""

    read_as: str = ""
    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # until the examination has its own
    made_splits: list[str] = field(default_factory=list)
    classes: list[dict[str, Any]] = field(default_factory=list)
    set_aside: str = ""
    problem: str = ""  # why it cannot be read

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values for a page; no more than a screen, however much there is."""
        rows = [("read as", self.read_as)] if self.read_as else []
        rows += [("remark", sentence) for sentence in _few(self.remarks)]
        rows += [("splits", f"{' and '.join(self.made_splits)} made from train")] if self.made_splits else []
        rows += [("set aside", self.set_aside)] if self.set_aside else []
        rows += [("warning", sentence) for sentence in _few(self.warnings)]
        rows += [("data", self.problem)] if self.problem else []
        return [(name, _cut(value)) for name, value in rows]

    def table(self) -> list[str]:
        """Return the lines of a table of the pictures by class and split."""
        return class_lines(self.classes) if self.classes else []


def load(session: Session, bucket: str, execution: Execution) -> DataFindings:
    """Return what is known by now; what cannot be read is no reason to show nothing else."""
    try:
        report = _json(session, bucket, REPORT.format(execution.name)) or {}
        place = (execution.record and execution.record.features_s3_uri) or ""
        examined = _json(session, bucket, key_below(place, FINDINGS)) or {} if place else {}
    except (ClientError, ReportError, ValueError) as error:
        return DataFindings(problem=f"what was found cannot be read: {error}")
    aside = [(each["path"], each["reason"]) for each in report.get("set_aside", [])]
    aside += [(row["path"], row["reason"]) for row in examined.get("findings", []) if row["kind"] == "set aside"]
    return DataFindings(
        report.get("read_as", ""),
        report.get("remarks", []),
        [] if examined else [each for each in report.get("warnings", []) if each not in report.get("remarks", [])],
        report.get("made_splits", []),
        examined.get("classes") or report.get("classes", []),
        reasons(aside),
    )


def key_below(place_s3_uri: str, name: str) -> str:
    """Return the key of a file below an S3 URI that ends in "/"."""
    return place_s3_uri.removeprefix("s3://").partition("/")[2] + name


def _json(session: Session, bucket: str, key: str) -> dict[str, Any] | None:
    """Return a JSON object, None where there is none.

    Raises:
        ReportError: it is too large.
        ValueError: it is none.
    """
    content = object_of(session, bucket, key, MAX_BYTES)
    if content is None:
        return None
    value = json.loads(content)
    if not isinstance(value, dict):
        raise ValueError(f"s3://{bucket}/{key} is no JSON object")  # noqa: TRY004 (content, no argument)
    return value


def _few(sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - _MAX_SENTENCES
    return [*sentences[:_MAX_SENTENCES], *([f"{more} more; `deploy.py report` has them"] if more > 0 else [])]


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= _MAX_LETTERS else f"{sentence[: _MAX_LETTERS - 1]}…"
