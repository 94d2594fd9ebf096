"""`deploy.py local ...`: starts, stops, inspects and breaks the embedded account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group("local")
def local_group() -> None:
    """Start, stop and inspect the embedded account."""


@local_group.command("start")
@click.option("--port", default=0, help="The port on 127.0.0.1; by default a free one.")
@click.option(
    "--state-folder",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="RETRIEVER_LOCAL_STATE_FOLDER",
    help="Where buckets, tables, stacks and job records survive the account's end; by default they do not.",
)
def local_start(port: int, state_folder: Path | None) -> None:
    """Start the embedded account in the background, unless it runs."""
    from embedded_account import control
    from ops.session import local_folder

    click.echo(tell_lost(control.start(local_folder(), port=port, state_folder=state_folder)).url)


@local_group.command("stop")
def local_stop() -> None:
    """Stop the embedded account; what was deployed in it is gone."""
    from embedded_account import control
    from ops.session import local_folder

    click.echo("stopped" if control.stop(local_folder()) else "it was not running")


@local_group.command("status")
def local_status() -> None:
    """Say whether the embedded account runs, and how to reach it; exit code 1 if it does not."""
    from embedded_account import control
    from ops.console import facts
    from ops.session import local_folder

    account = control.status(local_folder())
    if account is None:
        raise click.ClickException("the embedded account is not running; start it with: deploy.py local start")
    facts(
        [("process", str(account.pid)), ("started", account.started_at), ("log", str(control.log_path(local_folder())))]
    )
    for name, value in control.client_environment(account).items():
        click.echo(f"export {name}={value}")


@local_group.command("logs")
@click.option("--lines", default=50, show_default=True, type=click.IntRange(1), help="How many of the last lines.")
def local_logs(lines: int) -> None:
    """Print the end of the embedded account's own log."""
    from embedded_account import control
    from ops.session import local_folder

    path = control.log_path(local_folder())
    if not path.exists():
        raise click.ClickException(f"log {str(path)!r}: does not exist; start the account with: deploy.py local start")
    for line in path.read_text(errors="replace").splitlines()[-lines:]:
        click.echo(line)


@local_group.command("clock")
@click.option("--advance", required=True, type=click.FloatRange(0, min_open=True), help="By how many seconds.")
def local_clock(advance: float) -> None:
    """Put the embedded account's clock forward: schedules, retries, alarms and cooldowns see the time pass."""
    from embedded_account import control
    from ops.session import local_folder

    account = control.status(local_folder())
    if account is None:
        raise click.ClickException("the embedded account is not running; start it with: deploy.py local start")
    click.echo(control.advance_clock(account, advance))


@local_group.group("fault")
def local_fault() -> None:
    """Make something go wrong in the embedded account: a call, an event, a process; each clears itself."""


@local_fault.command("add")
@click.argument("kind", metavar="KIND")
@click.option("--service", help="Of the call, as boto3 names it; a pattern such as 's3'.")
@click.option("--operation", help="Of the call, such as 'CreateEndpoint' or 'Put*'.")
@click.option("--caller", help="The name of the calling role or session; 'root' is the account's own key.")
@click.option("--name", help="Of the function, job, endpoint or execution; of an event, its detail-type.")
@click.option("--count", type=click.IntRange(1), help="How many times; once by default.")
@click.option("--skip", type=click.IntRange(0), help="How many occasions pass first; 4 spares the first four calls.")
@click.option("--copies", type=click.IntRange(2), help="Of a duplicated event; two by default.")
@click.option("--step", type=click.IntRange(0), help="Of a training job: how many lines of metrics it prints first.")
@click.option("--seconds", type=float, help="How late, for what is slow or delayed.")
@click.option("--code", help="Of the error, instead of the service's own.")
@click.option("--status", type=click.IntRange(400, 599), help="The HTTP status of --code.")
@click.option("--lifetime-seconds", type=float, help="When it clears itself at the latest; 3600 by default.")
def local_fault_add(kind: str, **members: Any) -> None:
    """Add a fault of KIND and print its id; `local fault kinds` lists them.

    \b
    Example:
        python deploy.py local fault add throttle --service sagemaker --operation CreateEndpoint --count 3
    """
    click.echo(_faults().add(kind, **{name: value for name, value in members.items() if value is not None}))


@local_fault.command("kinds")
def local_fault_kinds() -> None:
    """List what can be made to go wrong."""
    from embedded_account.faults.fault import KINDS

    from ops.console import table

    table("", ["kind", "what happens"], [[kind, what] for kind, what in KINDS.items()])


@local_fault.command("list")
def local_fault_list() -> None:
    """List the faults that wait, and what happened by those before."""
    from ops.console import table

    faults = _faults()
    waiting = [[each.pop("id"), each.pop("kind"), _members(each)] for each in faults.waiting()]
    table("waiting", ["id", "kind", "settings"], waiting)
    table("happened", ["at", "id", "kind", "to"], [[*each.values()] for each in faults.history()])


@local_fault.command("clear")
@click.argument("fault_id", metavar="ID", required=False)
def local_fault_clear(fault_id: str | None) -> None:
    """Remove the fault ID, or all of them."""
    click.echo(f"{_faults().clear(fault_id or '')} cleared")


def _members(fault: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in fault.items())


def _faults() -> Any:
    from embedded_account.faults.remote import Faults

    from embedded_account import control
    from ops.session import local_folder

    account = control.status(local_folder())
    if account is None:
        raise click.ClickException("the embedded account is not running; start it with: deploy.py local start")
    return Faults(account)


def tell_lost(account: Any) -> Any:
    """Say what an earlier, killed account took with it; return `account`."""
    for line in account.lost:
        click.echo(line, err=True)
    return account
