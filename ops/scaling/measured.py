"""What a person gets of a measurement: the steps, what follows from them, the curve, and a file that is kept."""

from __future__ import annotations

import json
import math
from pathlib import Path

from handlers.contract.measurement import Measurement
from ops.console import facts, say, table
from ops.scaling.measuring import Measured
from ops.scaling.recommendation import Recommendation
from ops.session import REPOSITORY

_COLUMNS = ["a minute", "p50 ms", "p95 ms", "p95 surely", "p99 ms", "failed", "holds"]


def file_of(stack_name: str, *, local: bool) -> Path:
    """Return where a stack's measurement is kept; what an instance of this machine takes is none on AWS."""
    return REPOSITORY / "build" / "measurements" / f"{'local-' if local else ''}{stack_name}.json"


def kept(stack_name: str, *, local: bool) -> str:
    """Return the text of the measurement that was kept; "" where there is none."""
    try:
        return str(json.loads(file_of(stack_name, local=local).read_text(encoding="utf-8"))["measurement"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def recommendation(measurement: Measurement) -> Recommendation:
    """Return what follows from a measurement."""
    return Recommendation(measurement.per_minute, measurement.start_seconds, measurement.factor)


def parameters(measurement: Measurement) -> dict[str, str]:
    """Return the template's parameters that carry it."""
    follows = recommendation(measurement)
    return {
        "ScalingTargetInvocations": str(follows.target),
        "ScaleOutCooldownSeconds": str(follows.out_cooldown),
        "ScaleInCooldownSeconds": str(follows.in_cooldown),
        "ScalingMeasurement": measurement.text(),
    }


def show(measured: Measured) -> None:
    """Print the steps and what follows."""
    one, follows, best = measured.measurement, recommendation(measured.measurement), measured.capacity.step
    rows = [
        [
            f"{60 * step.rate:.0f}", *(f"{_percentile(step.latencies, percent):.0f}" for percent in (50, 95)),
            f"{step.low:.0f} to {'?' if math.isinf(step.high) else format(step.high, '.0f')}",
            f"{_percentile(step.latencies, 99):.0f}", f"{100 * step.failed:.1f} %",
            "yes" if step.passes(one.p95_ms) else "no",
        ]
        for step in measured.capacity.steps
    ]  # fmt: skip
    table(f"one {one.type}, {one.network} at {one.side} pixels", _COLUMNS, rows)
    facts(
        [
            (
                "an instance takes",
                f"{one.per_minute} invocations a minute ({one.low} to {one.high}), p95 {best.p95:.0f} ms",
            ),
            ("target", f"{follows.target} a minute: {follows.safety_factor:g} of it, AWS's own factor is 0.5"),
            ("start of an instance", f"{one.start_seconds:g} s"),
            ("cooldowns", f"{follows.out_cooldown} s after a scale-out, {follows.in_cooldown} s after a scale-in"),
            ("at work at one time", f"{one.workers}, {one.work_ms:g} ms each"),
        ]
    )


def write(measured: Measured, stack_name: str, *, local: bool) -> list[Path]:
    """Keep the measurement, and draw the curve beside it; return the paths."""
    path = file_of(stack_name, local=local)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(measured.as_json(), encoding="utf-8")
    picture = path.with_suffix(".png")
    _plot(measured, picture)
    for each in (path, picture):
        say(f"written: {each}")
    return [path, picture]


def _plot(measured: Measured, path: Path) -> None:
    """Draw latency against the rate, with the limit, what an instance takes, and the target."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    one, steps = measured.measurement, measured.capacity.steps
    figure = Figure(figsize=(10, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    rates = [60 * step.rate for step in steps]
    for percent, color in ((50, "C0"), (95, "C1"), (99, "C3")):
        values = [_percentile(step.latencies, percent) for step in steps]
        axes.plot(rates, values, "o-", color=color, markersize=4, label=f"p{percent}")
    highs = [step.high if math.isfinite(step.high) else max(step.latencies, default=step.low) for step in steps]
    axes.fill_between(rates, [step.low for step in steps], highs, color="C1", alpha=0.2, label="p95, surely in")
    axes.axhline(one.p95_ms, color="0.35", linestyle="--", label=f"limit of p95: {one.p95_ms:g} ms")
    axes.axvline(one.per_minute, color="C2", label=f"an instance takes {one.per_minute}")
    axes.axvline(one.target, color="C2", linestyle=":", label=f"target {one.target}")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("invocations a minute and instance")
    axes.set_ylabel("latency, ms")
    axes.set_xlim(left=0)
    axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    axes.set_title(f"one {one.type}, {one.network} at {one.side} pixels, {one.at}", fontsize="medium")
    figure.savefig(path, dpi=110)


def _percentile(latencies: tuple[float, ...], percent: float) -> float:
    from ops.load.driving import percentile

    return percentile(latencies, percent)
