"""`deploy.py local ...`: the embedded account's own commands, on the folder of this checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from embedded_account.commands.command import Group


class LocalGroup(click.Group):
    """Shows the commands of `embedded-account`, which are imported when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names."""
        return _account_commands().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of them."""
        return _account_commands().get_command(ctx, cmd_name)


@click.group("local", cls=LocalGroup)
@click.pass_context
def local_group(ctx: click.Context) -> None:
    """Start, stop, inspect and break the embedded account."""
    from ops.session import local_folder, state_folder

    ctx.obj = local_folder()
    ctx.default_map = {"start": {"state_folder": state_folder()}}


def _account_commands() -> Group:
    from embedded_account.commands import commands

    return commands
