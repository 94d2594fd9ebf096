"""What the commands have in common: the account's folder, failures in one sentence, tables."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from embedded_account.account_error import AccountError
from embedded_account.control import AccountInfo, status

FOLDER_VARIABLE = "EMBEDDED_ACCOUNT_FOLDER"
STATE_VARIABLE = "EMBEDDED_ACCOUNT_STATE_FOLDER"
DEFAULT_FOLDER = Path(".embedded-account")


class Command(click.Command):
    """A command that tells an expected failure in one sentence, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except AccountError as error:
            raise click.ClickException(str(error)) from error


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type


def _folder(ctx: click.Context, _option: click.Parameter, given: Path | None) -> Path:
    if given is not None:
        return given
    if isinstance(ctx.obj, Path):  # the folder of the program that shows these commands
        return ctx.obj
    return Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)


folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    callback=_folder,
    help=f"The account's folder; {FOLDER_VARIABLE}, or {str(DEFAULT_FOLDER)!r}, by default.",
)


def running(folder: Path) -> AccountInfo:
    """Return the account that runs in `folder`.

    Raises:
        ClickException: none does.
    """
    account = status(folder)
    if account is None:
        raise click.ClickException(f"the embedded account is not running; start it with: {program()} start")
    return account


def program() -> str:
    """Return the words that stand before a command's name: "embedded-account", or those of whoever shows it."""
    context = click.get_current_context()
    while context.parent is not None and isinstance(context.command, Command | Group):
        context = context.parent
    return context.command_path


def table(columns: list[str], rows: list[list[str]]) -> None:
    """Print `rows` in aligned columns under their names; to a pipe as plain lines with tabs between the cells."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row))
        return
    widths = [max(len(row[index]) for row in [columns, *rows]) for index in range(len(columns))]
    for row in [columns, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def facts(pairs: list[tuple[str, str]]) -> None:
    """Print names and values, aligned."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        click.echo(f"{name:<{width}}  {value}")
