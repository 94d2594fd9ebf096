"""`deploy.py runs` and `compare`."""

from __future__ import annotations

import click

from ops.commands.options import stack_options


@click.command()
@click.option("--dataset", help="The runs of one dataset alone.")
@stack_options
def runs(dataset: str | None, stack_name: str, local: bool) -> None:
    """List the runs: dataset, start, time, outcome, accuracy, what their jobs cost."""
    from ops.commands.account import running_account
    from ops.runs import listing
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    listing.show(session, stacks.deployed(session), dataset)


@click.command()
@click.argument("first")
@click.argument("second")
@stack_options
def compare(first: str, second: str, stack_name: str, local: bool) -> None:
    """Show in what two runs differ: settings, data, accuracy by class, seconds, dollars.

    \b
    Example:
        python deploy.py compare flowers-5f219e7d0e7c-1 flowers-5f219e7d0e7c-2
    """
    from ops.commands.account import running_account
    from ops.runs import comparing, comparison_page
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    comparison_page.show(first, second, comparing.compare(session, stacks.deployed(session), first, second))
