"""ops/runs/data_findings.py: what was found is shown from what the states wrote, as far as they came."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.ledger import Run
from ops.errors import ReportError
from ops.runs import data_findings, fetched_reports
from ops.runs.executions import Execution
from ops.session import Session
from ops.stack.stacks import Stack

START = datetime(2026, 11, 29, tzinfo=UTC)
NAME = "pets-0123456789ab-1"
PLACE = f"features/k/{NAME}-features/output/model/"
STACK = Stack("pets", "CREATE_COMPLETE", {"DataBucketName": "pets"}, {})
REPORT = {
    "read_as": "read by the folders",
    "remarks": ["not read: 'extra'"],
    "warnings": ["not read: 'extra'", "class 'a' has no image in test"],
    "made_splits": ["validation", "test"],
    "classes": [{"class_name": "a", "train": 9, "validation": 2, "test": 2}],
    "set_aside": [{"path": "a/1.jpg", "reason": "empty"}],
}


@pytest.fixture
def put(session: Session) -> Callable[[str, Any], None]:
    """Return what puts a JSON value into the data bucket."""
    session.s3.create_bucket(Bucket="pets")
    return lambda key, value: session.s3.put_object(Bucket="pets", Key=key, Body=json.dumps(value)) and None


def execution(*, examined: bool = False) -> Execution:
    """Return an execution, whose pictures were examined or not yet."""
    run = Run(NAME, status="RUNNING", features_s3_uri=f"s3://pets/{PLACE}" if examined else None)
    return Execution(f"arn:{NAME}", NAME, "RUNNING", START, None, "pets", record=run)


def test_what_was_read_is_shown_before_it_is_examined(session: Session, put: Callable[[str, Any], None]) -> None:
    """How, with what splits, and what was set aside and why."""
    put(f"runs/{NAME}/dataset/report.json", REPORT)

    data = data_findings.load(session, "pets", execution())

    assert data.facts() == [
        ("read as", "read by the folders"),
        ("remark", "not read: 'extra'"),
        ("splits", "validation and test made from train"),
        ("set aside", "1 empty ('a/1.jpg')"),
        ("warning", "class 'a' has no image in test"),
    ]
    assert data.table()[1].split() == ["a", "9", "2", "2"]


def test_the_examination_has_the_last_word(session: Session, put: Callable[[str, Any], None]) -> None:
    """Counts are those of the splits without what leaks, and what cannot be decoded is added to what is set aside."""
    put(f"runs/{NAME}/dataset/report.json", REPORT)
    classes = [{"class_name": "a", "train": 9, "validation": 2, "test": 1}]
    findings = [{"kind": "set aside", "path": "a/2.jpg", "reason": "ends early"}, {"kind": "leak", "path": "a/3.jpg"}]
    put(f"{PLACE}findings.json", {"classes": classes, "findings": findings})

    data = data_findings.load(session, "pets", execution(examined=True))

    assert data.table()[1].split() == ["a", "9", "2", "1"]
    assert ("set aside", "1 empty ('a/1.jpg'); 1 ends early ('a/2.jpg')") in data.facts()
    assert not [value for name, value in data.facts() if name == "warning"]


@pytest.mark.parametrize("value", [None, [1]])
def test_what_cannot_be_read_is_no_failure(session: Session, put: Callable[[str, Any], None], value: Any) -> None:
    """An execution that wrote nothing yet shows nothing; a damaged report is named."""
    if value is not None:
        put(f"runs/{NAME}/dataset/report.json", value)

    facts = data_findings.load(session, "pets", execution()).facts()

    assert facts == [] if value is None else "no JSON object" in facts[0][1]


def test_the_page_about_the_pictures_is_fetched_with_its_table(
    session: Session, put: Callable[[str, Any], None], tmp_path: Path
) -> None:
    """Both lie beside the other reports; before the examination a sentence says who writes them."""
    with pytest.raises(ReportError, match="ComputeFeatures writes it"):
        fetched_reports.data_report(session, STACK, execution(), tmp_path)
    for name in ("data.html", "findings.csv"):
        put(f"{PLACE}{name}", name)

    page = fetched_reports.data_report(session, STACK, execution(examined=True), tmp_path)

    assert page == tmp_path / "data.html"
    assert json.loads((tmp_path / "findings.csv").read_text()) == "findings.csv"
