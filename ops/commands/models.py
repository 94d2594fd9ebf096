"""`deploy.py models`, `rollback`, `approve`, `reject` and `lineage`: what was trained, what may serve, its origin."""

from __future__ import annotations

from pathlib import Path

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


@click.command()
@click.argument("run")
@click.option("--reason", default="", help="Why; it is kept with the model package.")
@click.option("--watch", "then_watch", is_flag=True, help="Go on to watch the execution.")
@stack_options
def approve(run: str, reason: str, then_watch: bool, stack_name: str, local: bool) -> None:
    """Say yes to the model of RUN, which waits for it (ApprovalRequired): the run goes on to deploy it.

    \b
    Example:
        python deploy.py approve flowers-5f219e7d0e7c-1 --reason "looked at the 12 wrong ones"
    """
    from ops.commands.account import running_account
    from ops.runs import approvals
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    click.echo(approvals.approve(session, stacks.deployed(session), run, reason))
    if then_watch:
        watch(session, run)


@click.command()
@click.argument("run")
@click.option("--reason", required=True, help="Why; it is kept with the model package, and ends the run.")
@stack_options
def reject(run: str, reason: str, stack_name: str, local: bool) -> None:
    """Say no to the model of RUN: a run that waits ends, and no rollback or schedule brings the model back.

    \b
    Example:
        python deploy.py reject flowers-5f219e7d0e7c-1 --reason "takes daisies for roses"
    """
    from ops.commands.account import running_account
    from ops.runs import approvals
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    click.echo(approvals.reject(session, stacks.deployed(session), run, reason))


@click.command()
@click.argument("target")
@click.option("--verify", "then_verify", is_flag=True, help="Hold artifact, evaluation and statement to each other.")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the statement and what it names by hash into this folder.",
)
@stack_options
def lineage(target: str, then_verify: bool, folder: Path | None, stack_name: str, local: bool) -> None:
    """Tell what the model of TARGET was made from: data, code, settings, images, and how it was judged.

    TARGET is a file with an answer of the prediction function ("-" for standard input), a run, a version of the model
    package group, an artifact's S3 URI, or a provenance.json, which needs no AWS.

    \b
    Examples:
        python deploy.py lineage answer.json
        python deploy.py lineage flowers-5f219e7d0e7c-1 --verify --out evidence
        python deploy.py lineage evidence/provenance.json --verify
    """
    from ops.console import facts, result, say
    from ops.runs import lineage as statements

    if Path(target).name == statements.STATEMENT and Path(target).is_file():
        known = statements.on_disk(Path(target))
    else:
        from ops.commands.account import running_account
        from ops.session import open_session
        from ops.stack import stacks

        session = open_session(stack_name, running_account() if local else None)
        deployed = stacks.deployed(session)
        known = statements.stored(session, deployed, statements.run_of(session, deployed, target))
    facts(statements.rows(known))
    if folder:
        say(f"written: {statements.save(known, folder)}")
    if then_verify:
        held = statements.verify(known)
        result("")
        facts([(one.what, one.problem or "agrees") for one in held])
        if wrong := [one.what for one in held if one.problem]:
            raise click.ClickException(f"{', '.join(wrong)}: not what the statement says; do not trust this model")
