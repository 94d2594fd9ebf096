"""`deploy.py security`."""

from __future__ import annotations

import click

from ops.commands.options import stack_options


@click.command()
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 400), help="After which one is unused.")
@stack_options
def security(days: int, stack_name: str, local: bool) -> None:
    """List what is open, too broad or unused: the account's roles, the stack's functions and buckets.

    Each finding has the command that mends it; nothing is changed. Exit code 1 if somebody outside gets in.

    \b
    Example:
        python deploy.py security --days 30
    """
    from ops.commands.account import running_account
    from ops.security import report
    from ops.security.finding import Risk
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    findings = report.findings(session, stacks.deployed(session), days)
    report.show(session, findings, days)
    if any(finding.risk is Risk.OPEN for finding in findings):
        raise SystemExit(1)
