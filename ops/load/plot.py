"""The plot of a load: when which request took how long, how many took longer than that, and how many were answered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ops.load.driving import OK, PERCENTILES, Result, Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_BINS = 60
_ANSWERS_A_BIN = 20  # fewer make steps of chance
_FAILED = "0.35"


def plot(results: list[Result], path: Path) -> None:
    """Draw latency over time, the percentiles of latency, and answers a second beside what was asked for."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), layout="constrained")
    FigureCanvasAgg(figure)
    over_time, tail, rate = figure.subplots(3, 1)
    for number, result in enumerate(results):
        color = f"C{number}"
        _draw_over_time(over_time, result, color)
        _draw_tail(tail, result, color)
        _draw_rate(rate, result, color)
    _finish(over_time, "seconds since the beginning", "latency, ms", "upper right")
    _finish(tail, "latency, ms", "requests that took longer", "upper right")
    _finish(rate, "seconds since the beginning", "answers a second", "lower right")
    rate.set_ylim(bottom=0)
    figure.suptitle("\n".join(_title(result) for result in results), fontsize="medium")
    figure.savefig(path, dpi=110)


def _title(result: Result) -> str:
    percentiles = result.percentiles_ms()
    latencies = ", ".join(f"{name} {percentiles[name]:.1f}" for name in ("p50", "p99", "max"))
    failed = sum(result.failures.values())
    return (
        f"{result.target}: {result.load.description}; {result.throughput:.1f} answers a second, {latencies} ms"
        + (f", {failed} failed" if failed else "")
    )  # fmt: skip


def _draw_over_time(axes: Axes, result: Result, color: str) -> None:
    answered = [sample for sample in result.samples if sample.outcome == OK]
    failed = [sample for sample in result.samples if sample.outcome != OK]
    axes.plot([one.due for one in answered], _ms(answered), ".", markersize=3, color=color, label=result.target)
    if failed:
        label = f"{result.target}, failed"
        axes.plot([one.due for one in failed], _ms(failed), "x", markersize=5, color=_FAILED, label=label)
    if answered or failed:
        _logarithmic(axes, "y")


def _draw_tail(axes: Axes, result: Result, color: str) -> None:
    latencies = result.latencies_ms()
    if not latencies:
        return
    shares = [1 - number / len(latencies) for number in range(len(latencies))]
    axes.plot(latencies, shares, color=color, label=result.target, drawstyle="steps-post")
    _logarithmic(axes, "x")
    axes.set_yscale("log")
    axes.set_yticks([1 - percent / 100 for percent in PERCENTILES], [f"p{percent:g}" for percent in PERCENTILES])
    axes.tick_params(axis="y", which="minor", left=False, labelleft=False)


def _draw_rate(axes: Axes, result: Result, color: str) -> None:
    axes.step(*_per_bin(result), where="post", color=color, label=f"{result.target}, answered")
    load = result.load
    if load.rate:
        ends = [load.rate, load.ramp_to or load.rate]
        axes.plot([0, load.seconds], ends, "--", color=color, alpha=0.6, label="asked for, on average")


def _ms(samples: list[Sample]) -> list[float]:
    return [max(sample.seconds * 1000, 0.01) for sample in samples]


def _per_bin(result: Result) -> tuple[list[float], list[float]]:
    """Return the edges of bins in seconds, and the answers a second in each, the last of them twice."""
    num_bins = min(_MAX_BINS, max(4, result.num_ok // _ANSWERS_A_BIN))
    width = max(result.wall_seconds, 0.001) / num_bins
    counts = [0.0] * num_bins
    for sample in result.samples:
        if sample.outcome == OK:
            counts[min(num_bins - 1, int(sample.ended / width))] += 1 / width
    return [number * width for number in range(num_bins + 1)], [*counts, counts[-1]]


def _logarithmic(axes: Axes, which: str) -> None:
    """Make an axis logarithmic, with plain numbers at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _finish(axes: Axes, x: str, y: str, place: Literal["upper right", "lower right"]) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, alpha=0.3)
    if len(axes.lines) > 1:  # the title says what a single one is
        axes.legend(loc=place, fontsize="small")
