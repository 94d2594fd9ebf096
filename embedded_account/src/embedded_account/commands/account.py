"""start, stop, status, logs, clock: one account a folder."""

import shlex
from pathlib import Path
from typing import Any

import click

from embedded_account import control, exports, sdk_settings
from embedded_account.commands.command import STATE_VARIABLE, Group, facts, folder_option, program, running
from embedded_account.folders import size_bytes


@click.group("embedded-account", context_settings={"help_option_names": ["-h", "--help"]}, cls=Group)
@click.version_option(package_name="embedded-account")
def commands() -> None:
    """Run an AWS account on this machine: SageMaker, Lambda, Step Functions and what they need, for real.

    \b
    embedded-account start                      one account for each folder, on 127.0.0.1
    eval "$(embedded-account status --export)"  every AWS SDK and the AWS CLI now use it
    embedded-account stop                       and nothing of it runs on

    `services` tells what is carried out. Functions and training scripts run as you, without a sandbox.
    """


@commands.command()
@click.option("--port", default=0, help="The port on 127.0.0.1; by default a free one.")
@click.option("--region", default="us-east-1", show_default=True, help="The region that it pretends to be.")
@click.option(
    "--state-folder",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=STATE_VARIABLE,
    show_envvar=True,
    help="Where buckets, tables, stacks and job records survive the account's end; by default they do not.",
)
@click.option(
    "--account",
    "kind",
    type=click.Choice(["settled", "new"]),
    default="settled",
    show_default=True,
    help="Whose limits it has: a new account's quotas are 0 for most instance types.",
)
@click.option(
    "--delays",
    default="",
    metavar="KINDS",
    help="AWS's own delays: 'all', or some of resources, roles, bucket-names, notifications, functions, instances, "
    "each with seconds where AWS's usual ones are not wanted: 'roles,instances=60'. `fault kinds` explains them.",
)
@click.option("--record-permissions", is_flag=True, help="Remember what each role uses, for `permissions`.")
@folder_option
def start(folder: Path, kind: str, **options: Any) -> None:
    """Start the account in the background, unless it runs; print its URL."""
    account = control.start(folder, account=kind, **options)
    for line in account.lost:
        click.echo(line, err=True)
    click.echo(account.url)


@commands.command()
@folder_option
def stop(folder: Path) -> None:
    """Stop the account and all that it started; without a state folder what it held is gone."""
    click.echo("stopped" if control.stop(folder) else "it was not running")


@commands.command()
@click.option("--export", "export_only", is_flag=True, help='Print the variables alone: eval "$(... status --export)"')
@click.option("--aws-addresses", is_flag=True, help="Let clients reach the account by AWS's own addresses too.")
@click.option("--role", metavar="NAME", help="With the credentials of this role, as a SageMaker notebook has them.")
@folder_option
def status(folder: Path, export_only: bool, aws_addresses: bool, role: str | None) -> None:
    """Say whether the account runs, and how to reach it; exit code 1 if it does not.

    \b
    Example, for code that has AWS's addresses written in it and asks whose role it has:
        eval "$(embedded-account status --export --aws-addresses --role notebook)"
    """
    account = running(folder)
    variables = control.client_environment(account)
    if aws_addresses:
        variables |= exports.aws_addresses(account)
        variables.pop(sdk_settings.VARIABLE, None)  # the SDK may ask for its bucket now
    variables |= exports.role_session(account, role) if role else {}
    if not export_only:
        facts([
            ("process", str(account.pid)),
            ("started", account.started_at),
            ("log", str(control.log_path(folder))),
            ("size", _sizes(folder, account.state_folder)),
        ])  # fmt: skip
    if "AWS_SESSION_TOKEN" not in variables:
        click.echo("unset AWS_SESSION_TOKEN")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _sizes(folder: Path, state_folder: str) -> str:
    kept = Path(state_folder) if state_folder else None
    places = [folder] if kept is None or kept.is_relative_to(folder.resolve()) else [folder, kept]
    return ", ".join(f"{size_bytes(place) / 1e6:.0f} MB in {str(place)!r}" for place in places)


@commands.command()
@click.option("--lines", default=50, show_default=True, type=click.IntRange(1), help="How many of the last lines.")
@folder_option
def logs(folder: Path, lines: int) -> None:
    """Print the end of the account's own log."""
    path = control.log_path(folder)
    if not path.exists():
        raise click.ClickException(f"log {str(path)!r}: does not exist; start the account with: {program()} start")
    for line in path.read_text(errors="replace").splitlines()[-lines:]:
        click.echo(line)


@commands.command()
@click.option("--advance", required=True, type=click.FloatRange(0, min_open=True), help="By how many seconds.")
@folder_option
def clock(folder: Path, advance: float) -> None:
    """Put the account's clock forward: schedules, retries, alarms and cooldowns see the time pass."""
    click.echo(control.advance_clock(running(folder), advance))
