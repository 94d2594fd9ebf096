"""The charts of a tuning job's report, drawn from its training jobs."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from reports.charts import ACCENT, BAD, INK, LINE, MUTED, SECOND, SURFACE, figure, settings, short, svg
from reports.tuning import Range, TuningJob

_BACKGROUND = {"facecolor": SURFACE, "edgecolor": "none", "alpha": 0.75, "pad": 1.5}  # keeps numbers legible over lines
_COLUMNS = 3  # of the small charts, one a hyperparameter


def progress(job: TuningJob) -> Markup:
    """Return the objective of each training job in the order in which they ended, with the best so far."""
    ended = job.ended_in_order()
    numbers = range(1, len(ended) + 1)
    values = [trial.objective if trial.objective is not None else math.nan for trial in ended]
    best = np.maximum if job.maximizes else np.minimum
    with settings():
        drawn = figure(6.6, 3.3)
        axes = drawn.add_subplot()
        axes.step(numbers, best.accumulate(values), where="post", color=ACCENT, alpha=0.9)
        axes.scatter(numbers, values, s=30, color=SECOND, zorder=3)
        axes.set(xlabel="training jobs that have ended", ylabel=short(job.objective_name, 30))
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        axes.margins(x=0.04, y=0.12)
        top = job.best()
        label = f"{len(ended)} training jobs; the best so far ends at {top.objective if top else 'none'}"
        return svg(drawn, "progress", label)


def parallel_coordinates(job: TuningJob) -> Markup:
    """Return one line a training job across an axis for each hyperparameter, the better the stronger."""
    scored = sorted(job.scored(), key=job.rank)
    axes_of = [*job.ranges, _objective_range(job)]
    with settings():
        drawn = figure(11.6, 4.2)
        axes = drawn.add_subplot()
        axes.grid(visible=False)
        axes.axis("off")
        for position, one in enumerate(axes_of):
            _axis(axes, position, one, is_objective=position == len(job.ranges))
        for place, trial in enumerate(scored):
            heights = [one.place(trial.hyperparameters.get(one.name, "")) for one in job.ranges]
            heights.append(axes_of[-1].place(str(trial.objective)))
            share = (place + 1) / len(scored)
            is_best = place == len(scored) - 1
            axes.plot(
                range(len(axes_of)), heights, gid=f"coordinates-trial-{trial.number}",
                color=SECOND if is_best else ACCENT, alpha=1.0 if is_best else 0.12 + 0.7 * share**2,
                linewidth=3 if is_best else 1.6, zorder=3 + is_best,
            )  # fmt: skip
        axes.set(xlim=(-0.35, len(axes_of) - 0.6), ylim=(-0.16, 1.16))
        return svg(drawn, "coordinates", f"parallel coordinates of {len(scored)} training jobs")


def slices(job: TuningJob) -> Markup:
    """Return the objective against each hyperparameter."""
    rows = math.ceil(len(job.ranges) / _COLUMNS)
    with settings():
        drawn = figure(11.6, 2.7 * rows)
        grid = drawn.subplots(rows, _COLUMNS, sharey=True, squeeze=False)
        for axes, one in zip(grid.flat, job.ranges, strict=False):
            points = [
                (trial.hyperparameters[one.name], trial) for trial in job.scored() if one.name in trial.hyperparameters
            ]
            where = [one.choices.index(value) if one.choices else float(value) for value, _ in points]
            axes.scatter(where, [trial.objective for _, trial in points], s=28, color=ACCENT, alpha=0.7)
            best = job.best()
            for x, (_, trial) in zip(where, points, strict=True):
                if best and trial.number == best.number:
                    axes.scatter([x], [trial.objective], s=60, color=SECOND, zorder=4)
            _scale(axes, one)
            axes.set_xlabel(short(one.name, 28))
        for axes in list(grid.flat)[len(job.ranges) :]:
            axes.remove()
        return svg(drawn, "slices", f"{job.objective_name} against each of {len(job.ranges)} hyperparameters")


def importance(rows: Sequence[Any]) -> Markup:
    """Return the importances as bars with the interval that other samples of the same jobs would give."""
    ordered = sorted(rows, key=lambda row: row.share)
    with settings():
        drawn = figure(6.2, 0.9 + 0.42 * len(ordered))
        axes = drawn.add_subplot()
        names = [short(row.name, 24) for row in ordered]
        axes.barh(names, [row.share for row in ordered], color=ACCENT, alpha=0.75, height=0.62)
        for place, row in enumerate(ordered):
            axes.hlines(place, row.low, row.high, color=INK, linewidth=1.4)
        axes.grid(axis="y", visible=False)
        axes.set(xlim=(0, 1), xlabel="share of the explained variance")
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        counted = ", ".join(f"{row.name} {row.share:.2f}" for row in reversed(ordered))
        return svg(drawn, "importance", f"importance of the hyperparameters: {counted}")


def timeline(job: TuningJob) -> Markup | None:
    """Return when each training job ran; None while none has started."""
    timed = [trial for trial in job.trials if trial.started_at is not None and trial.seconds is not None]
    if not timed:
        return None
    begin = min(trial.started_at for trial in timed if trial.started_at is not None)
    longest = max(
        (trial.started_at - begin).total_seconds() + (trial.seconds or 0) for trial in timed if trial.started_at
    )
    unit, name = (60.0, "minutes") if longest > 180 else (1.0, "seconds")
    colours = {"Completed": ACCENT, "Failed": BAD, "Stopped": SECOND}
    with settings():
        drawn = figure(6.6, min(4.6, 1.0 + 0.24 * max(len(timed), 4)))
        axes = drawn.add_subplot()
        for place, trial in enumerate(timed):
            left = (trial.started_at - begin).total_seconds() / unit if trial.started_at else 0.0
            colour = colours.get(trial.status, MUTED)
            axes.barh(place, (trial.seconds or 0) / unit, left=left, height=0.7, color=colour, alpha=0.8)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_yticks(
            range(len(timed)), [str(trial.number) for trial in timed] if len(timed) <= 20 else [""] * len(timed)
        )
        axes.set(xlabel=f"{name} since the first started", ylabel="training job")
        axes.spines["left"].set_color(LINE)
        return svg(drawn, "timeline", f"{len(timed)} training jobs over {longest:.0f} seconds")


def _axis(axes: Any, position: int, one: Range, *, is_objective: bool) -> None:
    axes.plot([position, position], [0, 1], color=INK if is_objective else LINE, linewidth=1.4, zorder=2)
    axes.text(position, 1.07, short(one.name, 18), ha="center", color=INK, size=10)
    ticks = one.choices if one.choices else [one.low, one.high]
    for tick in ticks:
        height = one.place(str(tick))
        text = short(str(tick), 14) if one.choices else f"{float(tick):.3g}"
        axes.text(
            position - 0.03, height, text, ha="right", va="center", color=MUTED, size=9, zorder=6, bbox=_BACKGROUND
        )
    if one.is_logarithmic:
        axes.text(position, -0.1, "log", ha="center", color=MUTED, size=8.5)


def _objective_range(job: TuningJob) -> Range:
    values = [trial.objective for trial in job.scored() if trial.objective is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    return Range(short(job.objective_name, 22), low, high if high > low else low + 1e-9)


def _scale(axes: Any, one: Range) -> None:
    if one.choices:
        axes.set_xticks(range(len(one.choices)), [short(choice, 12) for choice in one.choices])
        axes.set_xlim(-0.5, len(one.choices) - 0.5)
        return
    if one.is_logarithmic and one.low > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=one.is_integer))
    axes.minorticks_off()
    axes.margins(0.06)
