"""ops/runs/status_page.py: the page of a stack that has not run yet."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.ledger import Dataset, Drop, Run
from ops.runs import dead_letters, status_page
from ops.runs.executions import Execution
from ops.stack import endpoints


def test_stack_without_an_execution_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence and the command that helps, not an error."""
    monkeypatch.setattr(endpoints, "find", lambda session, name: None)
    monkeypatch.setattr(dead_letters, "facts", lambda session, stack: [("failed events", "1, one of them: NoneError")])
    monkeypatch.setattr(status_page, "notices", lambda session, stack: [])
    session: Any = type("Session", (), {"flags": " --local"})()
    stack: Any = type("Stack", (), {"output": lambda self, name: "retriever"})()

    status_page.page_without_execution(session, stack)

    shown = capsys.readouterr().out
    assert "there is none yet" in shown
    assert "NoneError" in shown
    assert "deploy.py upload FOLDER --dataset NAME --local" in shown


_SETTLED_BEFORE = Drop("pets", last_seen_at="2026-11-29T20:00:05.000+00:00", waits=True)


@pytest.mark.parametrize(
    ("uploaded_at", "is_shown"),
    [(None, True), ("2026-11-29T20:00:00.123456+00:00", False), ("2026-11-29T19:00:00.123456+00:00", True)],
)
def test_a_drop_that_its_marker_announced_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, uploaded_at: str | None, is_shown: bool
) -> None:
    """Events of an upload's files follow its marker by seconds; what comes later waits by itself."""
    dataset = Dataset("pets", uploaded_at=uploaded_at) if uploaded_at else None
    monkeypatch.setattr(Dataset, "get", lambda ledger, name: dataset)
    ledger: Any = None

    assert status_page.is_unannounced(_SETTLED_BEFORE, ledger) is is_shown


def test_what_a_drop_waits_for_is_said() -> None:
    """The time of the last change and the rule, or the upload that has not ended."""
    sentence = replace(_SETTLED_BEFORE, waits_since="2026-11-28").words("300")
    assert "waits since 2026-11-28: files came or went until 2026-11-29T20:00:05.000+00:00" in sentence
    assert "nothing has changed for 300 s" in sentence
    held = replace(_SETTLED_BEFORE, remark="the multipart upload of s3://b/k has not ended")
    assert held.words("300") == "dataset 'pets' waits: the multipart upload of s3://b/k has not ended"


_NOW = datetime(2026, 11, 30, tzinfo=UTC)
_WAITS = Run(
    "pets-1",
    status="RUNNING",
    waits_since="2026-11-30T03:04:05.678+00:00",
    waits_until="2026-12-03T03:04:05+00:00",
    evidence="95 right to the 90 of 'old'",
)


def test_a_run_that_waits_for_approval_says_since_when() -> None:
    """Until when, what there is to judge by, and both answers to copy."""
    execution = Execution("arn:x:pets-1", "pets-1", "RUNNING", _NOW, None, "pets", record=_WAITS)
    session: Any = type("Session", (), {"flags": " --local"})()

    facts = dict(status_page.outcome(execution))
    steps = "\n".join(status_page.next_steps(session, execution, None))

    assert facts["approval"] == "waits for approval since 2026-11-30 03:04 UTC, until 2026-12-03 03:04 UTC"
    assert facts["gate"] == "95 right to the 90 of 'old'"
    assert "deploy.py approve pets-1 --local" in steps
    assert "deploy.py reject pets-1 --reason WHY --local" in steps


def test_a_run_that_was_approved_says_by_whom() -> None:
    """It waits no more, and the words stay."""
    approved = replace(_WAITS, approval="approved by ann: looked at it")

    assert status_page.approval(approved) == [("approval", "approved by ann: looked at it")]


def test_what_a_run_has_cost_is_told_by_state() -> None:
    """Money, jobs, billed time and type, and what spot instances saved; a small sum is no zero."""
    run = Run(
        "r",
        bills={
            "ComputeFeatures": {"Jobs": 1, "InstanceType": "ml.m5.xlarge", "BilledSeconds": 60, "Dollars": 0.0038},
            "StartTuningJob": {
                "Jobs": 8, "InstanceType": "ml.g5.xlarge", "BilledSeconds": 7200, "SpotSavedSeconds": 3600,
                "Dollars": 2.816,
            },
        },
        dollars=2.8198,
    )  # fmt: skip

    assert status_page.cost(run) == [
        (
            "cost",
            "$2.82 for its jobs, by AWS's prices: examination less than $0.01 (1 job, 60.0 s of ml.m5.xlarge), tuning "
            "$2.82 (8 jobs, 2 h 00 min of ml.g5.xlarge, spot saved 1 h 00 min)",
        )
    ]


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (Run("r"), []),
        (Run("r", bills={}, dollars=0), ["nothing: no job was needed"]),
        (
            Run("r", bills={"StartTrainingJob": {"Jobs": 1, "InstanceType": "ml.x9.huge", "BilledSeconds": 5}}),
            ["unknown for its jobs, by AWS's prices: training unknown (1 job, 5.0 s of ml.x9.huge)"],
        ),
    ],
)
def test_what_is_not_known_of_a_cost_is_not_made_up(run: Run, words: list[str]) -> None:
    """A record of an older version says nothing, and an unknown price is called that."""
    assert [text for _, text in status_page.cost(run)] == words
