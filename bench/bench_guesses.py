"""The usual guesses of scaling against none and against what is recommended, on three traffics: docs/choosing.md.

    python bench/bench_guesses.py [--out docs/scaling-guesses.png]

Prints the tables of the page and draws its chart; an instance takes 1,200 requests a minute and starts in four minutes.
"""

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ops.scaling import comparison, environments
from ops.scaling.comparison import GUESSES, Row
from ops.scaling.fleet import Service
from ops.scaling.recommendation import Recommendation
from ops.scaling.run import template_values
from ops.scaling.traces import Trace, pattern

SERVICE, PRICE, PROVISIONED = Service((0.1,), workers=2), 0.115, 10.95  # ml.m5.large an hour; an environment a month
TRAFFICS = (("steady", 300.0, 4.0), ("daily", 1200.0, 24.0), ("spike", 300.0, 4.0))


@click.command()
@click.option("--out", default="docs/scaling-guesses.png", show_default=True)
def main(out: str) -> None:
    """Print and draw."""
    drawn = []
    for name, rate, hours in TRAFFICS:
        trace = pattern(name, rate, hours)
        recommended = Recommendation(SERVICE.per_minute, SERVICE.start_seconds)
        rows = comparison.compare(
            trace, comparison.candidates(trace, recommended, template_values(local=False)), SERVICE, PRICE
        )
        click.echo(f"\n{trace.name}\n\n| {' | '.join(comparison.COLUMNS)} |\n|---|{'---:|' * 8}")
        for row in rows:
            click.echo(f"| {' | '.join(row.cells())} |")
        drawn.append((trace, rows))
    for name, rate, hours in (("steady", 0.1, 240.0), ("steady", 5.0, 24.0), *TRAFFICS):
        trace = pattern(name, rate, hours)
        click.echo(f"\n{trace.name}: provisioned concurrency\n\n| {' | '.join(environments.COLUMNS)} |\n|{'---:|' * 6}")
        for cells in environments.table_rows(environments.options(trace, 0.105, PROVISIONED), 300):
            click.echo(f"| {' | '.join(cells)} |")
    plot(drawn, Path(out))


def plot(drawn: list[tuple[Trace, list[Row]]], path: Path) -> None:
    """Draw instances and lost requests of the four guesses, the stack's default and the recommended policy."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [policy.name for policy in GUESSES]
    figure = Figure(figsize=(13, 13), layout="constrained")
    FigureCanvasAgg(figure)
    shown = [[row for row in rows if _is_shown(row, names)] for _, rows in drawn]
    grid = figure.subplots(len(shown[0]), len(drawn), sharex="col")
    for column, (trace, _) in enumerate(drawn):
        for line, row in enumerate(shown[column]):
            _draw(grid[line][column], row)
            grid[line][column].set_title(row.outcome.policy.name, fontsize="medium", loc="left")
        grid[0][column].set_title(
            f"{trace.name}\n{shown[column][0].outcome.policy.name}", fontsize="medium", loc="left"
        )
        grid[-1][column].set_xlabel("hours")
    figure.suptitle(
        "blue: instances; grey: needed at the least; red: requests without an answer, percent", fontsize="medium"
    )
    figure.savefig(path, dpi=75)


def _is_shown(row: Row, names: list[str]) -> bool:
    name = row.outcome.policy.name
    return name in names or name.startswith(("the stack's", "recommended"))


def _draw(axes, row: Row) -> None:
    minutes = row.outcome.minutes
    hours = [number / 60 for number in range(len(minutes))]
    axes.step(hours, [one.arrived / SERVICE.per_minute for one in minutes], color="0.6", label="needed at the least")
    axes.step(hours, [one.instances for one in minutes], color="C0", label="instances")
    lost = [100 * one.failed / one.arrived if one.arrived else 0.0 for one in minutes]
    share = axes.twinx()
    share.fill_between(hours, lost, step="post", color="C3", alpha=0.4, label="no answer, %")
    share.set_ylim(0, 100)
    share.set_yticks([0, 50, 100])
    axes.set_ylim(0, max(1.2, row.most * 1.1))
    text = f"p95 {1000 * row.outcome.percentile(95):.0f} ms, ${row.monthly or 0:,.0f} a month"
    axes.text(
        0.99, 0.06, text, transform=axes.transAxes, ha="right", fontsize="small", bbox={"facecolor": "white", "lw": 0}
    )
    axes.grid(visible=True, alpha=0.3)


if __name__ == "__main__":
    main()
