"""reports/outcome.py: the page of a training job tells what became of its model, once that is known."""

from collections.abc import Callable
from typing import Any

import pytest

from reports.outcome import with_outcome
from reports.training_report import training_report
from tests.reports.pages import Page, assert_self_contained


def test_the_outcome_stands_after_the_result(make_evaluation: Callable[..., dict[str, Any]]) -> None:
    """With a link of its own; a name or a reason that a person wrote is text, and no markup."""
    drawn = training_report(make_evaluation(), {})

    page = with_outcome(drawn, {"approval": "approved by ann: <b>looked</b> at it"})

    assert_self_contained(page)
    assert [one["id"] for one in Page(page).all("section")][:3] == ["result", "outcome", "curves"]
    assert '<a href="#outcome">Outcome</a>' in page
    assert "approved by ann: <b>looked</b> at it" in Page(page).text
    assert page.count("&lt;b&gt;looked") == 1


@pytest.mark.parametrize(("page", "rows"), [("<p>by hand", {"status": "FAILED"}), ("<p>", {})])
def test_without_a_place_or_anything_to_tell_the_page_stays(page: str, rows: dict[str, str]) -> None:
    """A page of another make, or a run without a record."""
    assert with_outcome(page, rows) == page
