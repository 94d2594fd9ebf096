"""The page of a run: when each state and job ran, what came of it, and the way to the pages about its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup

from reports.charts import ACCENT, BAD, LINE, MUTED, SECOND, figure, settings, svg
from reports.findings import Finding
from reports.pages import duration, render

_COLOURS = {"succeeded": ACCENT, "Completed": ACCENT, "failed": BAD, "Failed": BAD, "Stopped": SECOND}
_MAX_BARS = 40
_LONG_SECONDS = 600.0


@dataclass(frozen=True)
class Bar:
    """One state, or one job of it, and when it ran."""

    name: str
    status: str
    started_at: datetime
    ended_at: datetime
    is_job: bool = False

    @property
    def seconds(self) -> float:
        """Return how long it ran."""
        return max(0.0, (self.ended_at - self.started_at).total_seconds())


@dataclass(frozen=True)
class RunPage:
    """What is told of a run, in plain values. `sections` are rows of words by the name of their subject."""

    name: str
    status: str
    dataset: str
    tiles: Mapping[str, str]
    bars: Sequence[Bar]
    findings: Sequence[Finding] = ()
    sections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)  # files beside the page, by what they are about


def run_page(page: RunPage) -> str:
    """Return the HTML page about a run; a subject of which nothing is known has no section."""
    return render(
        "run.html",
        title=f"Run {page.name}",
        page=page,
        sections={name: rows for name, rows in page.sections.items() if rows},
        anchors={name: name.lower().replace(" ", "-") for name in page.sections},
        timeline_chart=timeline(page.bars),
        bars=page.bars,
        duration=duration,
    )


def timeline(bars: Sequence[Bar]) -> Markup | None:
    """Return when each state and job ran, jobs narrower and below their state; None before the first has begun."""
    if not bars:
        return None
    shown = bars[:_MAX_BARS]
    begin, end = min(bar.started_at for bar in shown), max(bar.ended_at for bar in shown)
    whole = (end - begin).total_seconds()
    unit, name = (60.0, "minutes") if whole > _LONG_SECONDS else (1.0, "seconds")
    with settings():
        drawn = figure(9.0, 0.9 + 0.27 * max(len(shown), 4))
        axes = drawn.add_subplot()
        for place, bar in enumerate(shown):
            left = (bar.started_at - begin).total_seconds() / unit
            # A state of a tenth of a second is seen too.
            width = max(bar.seconds, whole / 400) / unit
            colour, height = _COLOURS.get(bar.status, MUTED), 0.42 if bar.is_job else 0.78
            axes.barh(place, width, left=left, height=height, color=colour, alpha=0.55 if bar.is_job else 0.9)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        labels = [f"{'   ' if bar.is_job else ''}{bar.name}  {duration(bar.seconds)}" for bar in shown]
        axes.set_yticks(range(len(shown)), labels)
        axes.set(xlabel=f"{name} since the start")
        axes.spines["left"].set_color(LINE)
        return svg(drawn, "timeline", f"{len(shown)} states and jobs over {duration(whole)}")
