"""`deploy.py models` and `rollback`: what was trained, what serves, and the way back."""

from __future__ import annotations

import click

from ops.commands.options import stack_options
from ops.commands.watch import watch


@click.command()
@stack_options
def models(stack_name: str, local: bool) -> None:
    """List the trained models: version, run, accuracy, what serves since when, and what became of the others."""
    from ops.commands.account import running_account
    from ops.runs import models as listing
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    listing.show(session, stacks.deployed(session))


@click.command()
@click.argument("run", required=False)
@click.option("--stop", is_flag=True, help="End the execution that runs, if it does not deploy yet.")
@click.option("--watch/--no-watch", "then_watch", default=True, help="Go on to watch the execution.")
@stack_options
def rollback(run: str | None, stop: bool, then_watch: bool, stack_name: str, local: bool) -> None:
    """Let the model of RUN (that before the one which serves by default) serve again, without training.

    The model that is left is marked: no schedule and no upload of the same content brings it back by itself.

    \b
    Examples:
        python deploy.py rollback
        python deploy.py rollback flowers-5f219e7d0e7c-1 --no-watch
    """
    from ops.commands.account import running_account
    from ops.runs import rollback as way_back
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    deployed = stacks.deployed(session)
    if stop:
        way_back.stop_running(session, deployed)
    arn = way_back.rollback(session, deployed, run)
    click.echo(arn)
    if then_watch:
        watch(session, arn)
