"""fault: makes something go wrong in the account, so often and no more."""

from pathlib import Path
from typing import Any

import click

from embedded_account.commands.command import Group, folder_option, running, table
from embedded_account.faults.fault import KINDS
from embedded_account.faults.remote import Faults


@click.group(cls=Group)
def fault() -> None:
    """Make something go wrong in the account: a call, an event, a process; each clears itself."""


@fault.command()
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
@folder_option
def add(folder: Path, kind: str, **members: Any) -> None:
    """Add a fault of KIND and print its id; `fault kinds` lists them.

    \b
    Example:
        fault add throttle --service sagemaker --operation CreateEndpoint --count 3
    """
    given = {name: value for name, value in members.items() if value is not None}
    click.echo(Faults(running(folder)).add(kind, **given))


@fault.command()
def kinds() -> None:
    """List what can be made to go wrong."""
    table(["kind", "what happens"], [[kind, what] for kind, what in KINDS.items()])


@fault.command("list")
@folder_option
def list_(folder: Path) -> None:
    """List the faults that wait, and what happened by those before."""
    faults = Faults(running(folder))
    waiting = [[each.pop("id"), each.pop("kind"), _members(each)] for each in faults.waiting()]
    table(["waiting", "kind", "settings"], waiting)
    table(["happened", "id", "kind", "to"], [[*each.values()] for each in faults.history()])


@fault.command()
@click.argument("fault_id", metavar="ID", required=False)
@folder_option
def clear(folder: Path, fault_id: str | None) -> None:
    """Remove the fault ID, or all of them."""
    click.echo(f"{Faults(running(folder)).clear(fault_id or '')} cleared")


def _members(described: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in described.items())
