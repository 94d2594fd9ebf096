"""The page of a run."""

from datetime import UTC, datetime, timedelta

from reports.findings import Finding
from reports.run_page import Bar, RunPage, run_page, timeline

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def _bar(name: str, start: float, end: float, *, is_job: bool = False, status: str = "succeeded") -> Bar:
    return Bar(name, status, _BEGAN + timedelta(seconds=start), _BEGAN + timedelta(seconds=end), is_job)


def _page(**changes: object) -> RunPage:
    known = {"name": "pets-1", "status": "SUCCEEDED", "dataset": "pets", "tiles": {"Took": "2 min 05 s"}, "bars": []}
    return RunPage(**(known | changes))  # type: ignore[arg-type]


def test_the_page_tells_all_and_leads_to_the_others() -> None:
    """Sections with something in them, with a link each, and the files beside the page."""
    sections = {"Data": {"data": "<b>1797</b> pictures"}, "Tuning and training": {"served in": "int8"}, "Gate": {}}
    page = run_page(
        _page(
            bars=[_bar("ValidateDataset", 0, 1), _bar("StartTuningJob", 1, 60), _bar("trial 1", 5, 59, is_job=True)],
            findings=[Finding("good", "test accuracy: 0.99")],
            sections=sections,
            links={"Training": "training-report.html"},
        )
    )

    assert '<section id="tuning-and-training">' in page
    assert '<a href="#data">Data</a>' in page
    assert 'id="gate"' not in page
    assert "&lt;b&gt;1797&lt;/b&gt; pictures" in page
    assert page.count('href="training-report.html"') == 2
    assert "trial 1" in page
    assert "test accuracy: 0.99" in page


def test_a_run_that_has_not_begun_has_a_page() -> None:
    """Without a state there is a sentence in place of the chart."""
    assert "No state has begun yet." in run_page(_page(status="RUNNING"))
    assert timeline([]) is None


def test_a_timeline_of_many_jobs_stays_a_picture() -> None:
    """Of a hundred jobs the first forty bars are drawn, and the title says how many."""
    drawn = timeline([_bar(f"trial {number}", number, number + 9, is_job=True) for number in range(100)])

    assert drawn is not None
    assert "40 states and jobs over 48.0 s" in drawn
    assert "trial 39" in drawn
    assert "trial 40" not in drawn
