"""`deploy.py simulate`: what ways to scale come to, before one of them is paid for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ops.commands.options import Days, stack_options


@click.command()
@click.option("--trace", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="CSV of minutes.")
@click.option("--from-cloudwatch", "days", type=Days(63), help="The endpoint's last DAYS.")
@click.option("--pattern", type=click.Choice(["steady", "daily", "spike"]), help="A made-up traffic.")
@click.option("--rate", default=120.0, show_default=True, help="Invocations a minute of the pattern, its mean.")
@click.option("--hours", default=0.0, help="How long the pattern is; 4, and a day for `daily`.")
@click.option("--service-ms", type=float, help="Milliseconds that a request is at work; 100 unless measured.")
@click.option(
    "--workers", type=click.IntRange(1, 1000), help="Requests at work at one time in an instance; 2 unless measured."
)
@click.option("--start-seconds", type=float, help="Until a new instance answers; 240 unless measured.")
@click.option("--instance-type", help="For its price; the stack's, or without it the template's.")
@click.option("--concurrency", type=click.IntRange(0), help="Predictions at one time (Lambda), else as above.")
@click.option("--cold-ms", type=float, help="What a cold start of the prediction function costs; 300 by default.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The page; below build/ by default.")
@click.option("--open/--no-open", "then_open", default=True, help="Open the page in the browser.")
@stack_options
def simulate(
    file: Path | None, days: float | None, pattern: str | None, rate: float, hours: float, out: Path | None,
    then_open: bool, stack_name: str, local: bool, **given: Any,
) -> None:  # fmt: skip
    """Show what scaling policies make of a traffic: waits, refusals, instance-hours and dollars, side by side.

    \b
    Examples:
        python deploy.py simulate --pattern spike --rate 300
        python deploy.py simulate --trace minutes.csv --service-ms 45
        python deploy.py simulate --from-cloudwatch 7
    """
    from ops.scaling import history, run, traces

    if sum(each is not None for each in (file, days, pattern)) != 1:
        raise click.UsageError("give one of --trace, --from-cloudwatch and --pattern")
    values, prices = run.template_values(local, stack_name), None
    if days is not None:
        from ops.commands.account import running_account
        from ops.prices import book, items
        from ops.session import open_session
        from ops.stack import stacks

        session = open_session(stack_name, running_account() if local else None)
        deployed = stacks.deployed(session)
        values |= {name: value for name, value in deployed.parameters.items() if value}
        prices = book.prices(session, [items.hosting(given["instance_type"] or values["EndpointInstanceType"])])
        trace = history.from_cloudwatch(session, deployed.output("EndpointName"), days)
    else:
        trace = traces.from_file(file) if file else traces.pattern(str(pattern), rate, hours)
    path = run.simulate(trace, values, given, out or run.default_page(stack_name), prices)
    click.echo(path)
    if then_open:
        import webbrowser

        webbrowser.open(path.as_uri())


@click.command()
@click.argument("photographs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--p95", default=200.0, show_default=True, help="Milliseconds below which 95 of 100 answers are to stay.")
@click.option("--seconds", default=20.0, show_default=True, help="Of each step, at the least.")
@click.option("--safety-factor", default=0.5, show_default=True, help="Of what an instance takes, to aim at.")
@click.option("--live", is_flag=True, help="Drive the endpoint that serves, not one of its own; callers notice.")
@click.option("--apply", "then_apply", is_flag=True, help="Set the stack's parameters to it, as `up` does.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@stack_options
@click.pass_context
def measure(
    context: click.Context, photographs: Path, p95: float, seconds: float, safety_factor: float, live: bool,
    then_apply: bool, yes: bool, stack_name: str, local: bool,
) -> None:  # fmt: skip
    """Find what one instance takes of the PHOTOGRAPHS of a folder, and the scaling target and cooldowns that follow.

    An endpoint of one instance, with the model and type that serve now, is made for it and removed whatever happens.

    \b
    Examples:
        python deploy.py measure my-photos --p95 150
        python deploy.py measure my-photos --apply
    """
    from ops.commands.account import running_account
    from ops.load import targets
    from ops.scaling import measured, measuring
    from ops.session import open_session
    from ops.stack import stacks

    asked, files = measuring.Asked(p95, seconds, safety_factor), targets.photographs(photographs)
    session = open_session(stack_name, running_account() if local else None)
    if live and not (yes or local or click.confirm("Drive the live endpoint to its limit? Its callers wait", err=True)):
        raise click.ClickException("not confirmed: nothing was measured; leave --live out for an endpoint of its own")
    outcome = measuring.measure(session, stacks.deployed(session), files, asked, live=live)
    measured.show(outcome)
    measured.write(outcome, stack_name, local=local)
    pairs = tuple(f"{name}={value}" for name, value in measured.parameters(outcome.measurement).items())
    if not then_apply:
        click.echo(
            "set them: deploy.py measure ... --apply, or by hand with the parameters of docs/operating.md", err=True
        )
        return
    up = context.find_root().command.get_command(context, "up")  # type: ignore[attr-defined]
    context.invoke(up, pairs=pairs, reset=False, yes=yes, force=False, stack_name=stack_name, local=local)
