"""ops/runs/status_page.py: the page of a stack that has not run yet."""

from typing import Any

import pytest

from ops.runs import dead_letters, status_page
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
