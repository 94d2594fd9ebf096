"""The embedded account that a command with --local works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from embedded_account import AccountInfo


def running_account() -> AccountInfo:
    """Return the running embedded account, started if it does not run.

    Raises:
        click.ClickException: it cannot be started.
    """
    import embedded_account
    from ops.session import local_folder, state_folder

    try:
        running = embedded_account.status(local_folder())
        if running is not None:
            return running
        click.echo("starting the embedded account ...", err=True)
        started = embedded_account.start(local_folder(), state_folder=state_folder())
    except embedded_account.AccountError as error:
        raise click.ClickException(str(error)) from error
    for line in started.lost:
        click.echo(line, err=True)
    return started
