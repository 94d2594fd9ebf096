"""Following an execution to its end, as several commands do after they have started one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ops.runs.executions import Execution
    from ops.session import Session


def watch(session: Session, execution: str | None) -> None:
    """Show the states of an execution (the latest one by default) as they come, and its outcome.

    Raises:
        ClickException: it did not succeed.
    """
    from ops.console import facts
    from ops.runs import executions, status_page, watching
    from ops.stack import stacks

    deployed = stacks.deployed(session)
    ended: Execution = watching.watch(session, deployed, executions.find_arn(session, deployed, execution))
    if ended.status != "SUCCEEDED":
        raise click.ClickException(f"execution {ended.name!r} {ended.status.lower()}: {ended.reason}")
    facts([("execution", f"{ended.name} {ended.status}"), *status_page.outcome(ended)])
