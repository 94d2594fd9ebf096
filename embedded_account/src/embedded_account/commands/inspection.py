"""permissions, services: what callers were allowed, and what the account carries out."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from embedded_account.commands.command import Command, folder_option, running, table
from embedded_account.control import PERMISSIONS_PATH, ask

_REPORT_SECONDS = 120.0


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print everything, for a program.")
@click.option(
    "--with",
    "conditions",
    multiple=True,
    metavar="KEY=VALUE",
    help="Decide as if this condition key had this value, such as aws:SecureTransport=false; repeatable.",
)
@click.option("--of", "only", multiple=True, metavar="ARN", help="Only of this role or resource; repeatable.")
@folder_option
def permissions(folder: Path, as_json: bool, conditions: tuple[str, ...], only: tuple[str, ...]) -> None:
    """Report which permissions were needed by the requests that an account recorded.

    The account must have been started with --record-permissions. Each statement of each role, and of each resource's
    own policy, is taken out in turn and the recorded requests are decided again: what no request needed is marked, and
    the others are shown with a sentence in which a request would have been refused.
    """
    for condition in conditions:
        if "=" not in condition:
            raise click.BadParameter(f"{condition!r}: it must be KEY=VALUE", param_hint="--with")
    query = urlencode([("with", condition) for condition in conditions] + [("of", arn) for arn in only])
    report = ask(running(folder), "GET", f"{PERMISSIONS_PATH}?{query}", timeout_seconds=_REPORT_SECONDS)
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    for role in report["roles"]:
        _show(role["role"], role)
        for one in role["refused"]:
            click.echo(f"  refused  {one['action']} on {one['resource']}")
    for resource in report["resources"]:
        _show(resource["resource"], resource)


def _show(name: str, owner: dict[str, Any]) -> None:
    by = f"  (assumed by {', '.join(owner['assumed_by'])})" if owner.get("assumed_by") else ""
    click.echo(f"{name}{by}")
    for statement in owner["statements"]:
        for action in statement["actions"]:
            word = "needed  " if action["needed"] else "unneeded"
            click.echo(f"  {word} {statement['effect']} {statement['sid'] or '-'} {action['action']}")
        if statement["decides"]:
            click.echo(f"           without it: {statement['decides'][0]['refusal']}")


@click.command(cls=Command)
@click.argument("service", required=False)
def services(service: str | None) -> None:
    """Print what is carried out and what is not: of each service, or each operation of SERVICE (as boto3 names it)."""
    from embedded_account import documentation

    if service is None:
        for name, (real, differs) in documentation.NOTES.items():
            click.echo(f"{name}\n  {real}" + (f"\n  Differs: {differs}" if differs else ""))
        return
    if service not in documentation.NOTES:
        known = ", ".join(sorted(documentation.NOTES))
        raise click.ClickException(f"service {service!r}: it is not carried out; known are {known}")
    told = documentation.operations_of(service, documentation.services()[service])
    table(["operation", "here"], [[name, how or "not carried out"] for name, how in told.items()])
