"""`deploy.py costs`: what a stack has cost."""

from __future__ import annotations

import click

from ops.commands.options import Days, stack_options


@click.command()
@click.option("--days", default=30.0, show_default=True, type=Days(90), help="How many.")
@click.option("--billed/--no-billed", default=True, help="Ask Cost Explorer too, which costs $0.01.")
@stack_options
def costs(days: float, billed: bool, stack_name: str, local: bool) -> None:
    """Show what runs, endpoint, predictions and storage have cost, by AWS's prices, and what AWS has billed.

    \b
    Example:
        python deploy.py costs --days 7
    """
    from ops.commands.account import running_account
    from ops.costs import page
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    page.show(session, stacks.deployed(session), days, with_billed=billed)
