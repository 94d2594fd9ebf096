"""`deploy.py retry`: go on with a run that has ended, on the same data."""

from __future__ import annotations

import click

from ops.commands.options import stack_options
from ops.commands.watch import watch


@click.command()
@click.argument("run", required=False)
@click.option("--from", "state", metavar="STATE", help="Do this state and all after it anew, whatever was finished.")
@click.option("--watch/--no-watch", "then_watch", default=True, help="Go on to watch the execution.")
@stack_options
def retry(run: str | None, state: str | None, then_watch: bool, stack_name: str, local: bool) -> None:
    """Go on with RUN (the last one by default) where it failed: a new execution on the same data.

    What has finished is found and not paid again, by the parameters of now: after a lower AccuracyThreshold the model
    that was refused is judged again, without any job. STATE is one of those that `deploy.py status` lists.

    \b
    Examples:
        python deploy.py retry
        python deploy.py retry flowers-5f219e7d0e7c-1 --from StartTrainingJob
    """
    from ops.commands.account import running_account
    from ops.runs import retrying
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    arn = retrying.retry(session, stacks.deployed(session), run, state)
    click.echo(arn)
    if then_watch:
        watch(session, arn)
