"""The page about ways to scale: a table of what each came to on a traffic, and a chart of each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from reports.charts import ACCENT, BAD, INK, MUTED, SECOND, figure, settings, svg
from reports.pages import render

_MAX_BINS = 240


@dataclass(frozen=True)
class Policy:
    """A policy's name, its cells in the table, and (arrived, failed, p95 seconds, instances, paid) of each minute."""

    name: str
    cells: Sequence[str]
    minutes: Sequence[Sequence[float]]


def scaling_page(
    traffic: str, columns: Sequence[str], policies: Sequence[Policy], facts: Mapping[str, str], per_minute: float
) -> str:
    """Return the HTML page; an instance takes at most `per_minute` requests."""
    decades = _decades(policies)
    charts = [
        {"name": policy.name, "svg": _chart(policy, number, per_minute, decades)}
        for number, policy in enumerate(policies)
    ]
    return render(
        "scaling.html",
        title=f"Scaling: {traffic}",
        traffic=traffic,
        columns=columns,
        policies=policies,
        charts=charts,
        facts=dict(facts),
    )


def _chart(policy: Policy, number: int, per_minute: float, decades: tuple[float, float]) -> Markup:
    """Return instances beside what the traffic needs at the least, and the time to an answer with what had none."""
    bins = _bins(policy.minutes)
    hours = [hour for hour, *_ in bins]
    with settings():
        drawn = figure(6.2, 3.9)
        capacity, answers = drawn.subplots(2, 1, sharex=True)
        needed = [arrived / per_minute for _, arrived, *_ in bins]
        capacity.plot(hours, needed, color=MUTED, linewidth=1.2, label="needed at the least")
        capacity.step(hours, [count for *_, count in bins], where="post", color=ACCENT, label="instances")
        capacity.set(ylabel="instances")
        capacity.set_ylim(bottom=0)
        capacity.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": 2, "borderaxespad": 0.2}
        capacity.legend(fontsize=8.5, frameon=False, labelcolor=INK, **place)
        _draw_answers(answers, bins)
        answers.set_ylim(decades)
        most = max(count for *_, count in bins)
        return svg(drawn, f"policy-{number}", f"{policy.name}: at most {most:.0f} instances")


def _draw_answers(axes: Any, bins: Sequence[Sequence[float]]) -> None:
    hours = [each[0] for each in bins]
    axes.plot(hours, [1000 * each[3] for each in bins], color=SECOND, linewidth=1.4)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="hours", ylabel="p95, ms")
    share = axes.twinx()
    width = hours[1] - hours[0] if len(hours) > 1 else 1 / 60
    lost = [100 * each[2] / each[1] if each[1] else 0.0 for each in bins]
    share.bar(hours, lost, width=width, align="edge", color=BAD, alpha=0.55)
    share.set(ylabel="no answer, %", ylim=(0, 100))
    share.grid(visible=False)


def _decades(policies: Sequence[Policy]) -> tuple[float, float]:
    """Return the decades of milliseconds that hold every p95, so that the charts can be compared."""
    values = [1000 * minute[2] for policy in policies for minute in policy.minutes if minute[2] > 0]
    low, high = min(values, default=10.0), max(values, default=1000.0)
    return 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high * 1.01))


def _bins(minutes: Sequence[Sequence[float]]) -> list[tuple[float, float, float, float, float]]:
    """Return (hour, arrived a minute, failed a minute, greatest p95, instances) of at most so many bins as are seen."""
    size = math.ceil(len(minutes) / _MAX_BINS)
    bins = []
    for first in range(0, len(minutes), size):
        part = minutes[first : first + size]
        arrived, failed, count = (sum(minute[place] for minute in part) / len(part) for place in (0, 1, 3))
        p95 = max((minute[2] for minute in part if not math.isnan(minute[2])), default=math.nan)
        bins.append((first / 60, arrived, failed, p95, count))
    return bins
