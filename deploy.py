"""Retriever's command line; every command works on AWS, or with --local on the embedded account.

python deploy.py up --local
python deploy.py upload data/flowers --dataset flowers --local --watch
python deploy.py predict tulip.jpg --local
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ops.commands import costs as cost_commands
from ops.commands import doctor, instances, scaling, security
from ops.commands import models as model_commands
from ops.commands import runs as run_commands
from ops.commands.data import data_group
from ops.commands.endpoint import endpoint_group
from ops.commands.group import Commands
from ops.commands.local import local_group
from ops.commands.options import parameter_options, stack_options
from ops.commands.retry import retry
from ops.commands.watch import watch as follow

if TYPE_CHECKING:
    from ops.packaging.bundle import Bundle
    from ops.session import Session
    from ops.stack.parameters import Parameters


@click.group("deploy.py", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Upload labelled photographs to S3; get a tuned, gated, deployed, autoscaling classifier."""


@cli.command()
@parameter_options
@click.option("--yes", is_flag=True, help="Do not ask before the plan is carried out.")
@click.option("--force", is_flag=True, help="Go on although `check` found something in the way.")
@stack_options
def up(pairs: tuple[str, ...], reset: bool, yes: bool, force: bool, stack_name: str, local: bool) -> None:
    """Create or update the stack: package, show the plan, carry it out after a yes.

    \b
    Example:
        python deploy.py up --parameter AccuracyThreshold=0.9
    """
    from ops.console import facts
    from ops.preflight import check
    from ops.stack import deployment

    session, bundle, merged = _prepared(pairs, reset, stack_name, local)
    check.require(session, check.check(session, merged.values), force=force)
    stack = deployment.up(session, bundle, merged, None if local or yes else _confirm)
    facts(sorted(stack.outputs.items()))


@cli.command()
@parameter_options
@stack_options
def plan(pairs: tuple[str, ...], reset: bool, stack_name: str, local: bool) -> None:
    """Show what `up` would change and what the account allows of it, and change nothing."""
    from ops.preflight import check
    from ops.stack import deployment

    session, bundle, merged = _prepared(pairs, reset, stack_name, local)
    check.show_open(check.check(session, merged.values))
    deployment.plan(session, bundle, merged)


@cli.command("check")
@parameter_options
@stack_options
def check_account(pairs: tuple[str, ...], reset: bool, stack_name: str, local: bool) -> None:
    """Hold the account's quotas, concurrency, names and images against the stack; exit code 1 if one is in the way.

    \b
    Example:
        python deploy.py check --parameter TrainingInstanceType=ml.g5.xlarge
    """
    from ops.preflight import check
    from ops.preflight.finding import blocking

    session, _, merged = _prepared(pairs, reset, stack_name, local)
    findings = check.check(session, merged.values)
    check.show(findings)
    if in_the_way := blocking(findings):
        raise click.ClickException(f"{len(in_the_way)} in the way; the table says what to do about each")


@cli.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--dataset", required=True, metavar="NAME", help="The dataset's name in the bucket.")
@click.option(
    "--queue", is_flag=True, help="While an execution reads this dataset, wait for its end instead of failing."
)
@click.option("--watch", "then_watch", is_flag=True, help="Go on to watch the execution.")
@stack_options
def upload(path: Path, dataset: str, queue: bool, then_watch: bool, stack_name: str, local: bool) -> None:
    """Upload PATH (an image folder, a .zip or a .tar.gz), start an execution and print its ARN.

    \b
    Example:
        python deploy.py upload data/flowers --dataset flowers --watch
    """
    from ops.console import say
    from ops.datasets import on_disk, uploading
    from ops.stack import stacks

    folder = on_disk.check(path, dataset, say)
    session = _session(stack_name, local)
    deployed = stacks.deployed(session)
    arn = uploading.upload(session, deployed, path, dataset, folder, queue=queue)
    if arn:
        click.echo(arn)
    if arn and then_watch:
        follow(session, arn)


@cli.command()
@click.argument("dataset")
@click.option("--force", is_flag=True, help="Train again although nothing has changed.")
@click.option("--watch", "then_watch", is_flag=True, help="Go on to watch the execution.")
@stack_options
def start(dataset: str, force: bool, then_watch: bool, stack_name: str, local: bool) -> None:
    """Start an execution on DATASET, which is in the bucket and complete, and print its ARN.

    A model that was trained on the same data, code and settings is deployed again without training.

    \b
    Example:
        python deploy.py start flowers --watch
    """
    from ops.console import say
    from ops.datasets import starting
    from ops.stack import stacks

    session = _session(stack_name, local)
    reaction = starting.start(session, stacks.deployed(session), dataset, is_forced=force)
    say(reaction.sentence)
    if reaction.execution_arn:
        click.echo(reaction.execution_arn)
        if then_watch:
            follow(session, reaction.execution_arn)


@cli.command()
@click.argument("execution", required=False)
@stack_options
def status(execution: str | None, stack_name: str, local: bool) -> None:
    """Show one page about EXECUTION (the latest one by default) and the endpoint."""
    from ops.runs import status_page
    from ops.stack import stacks

    session = _session(stack_name, local)
    status_page.show(session, stacks.deployed(session), execution)


@cli.command()
@click.argument("execution", required=False)
@stack_options
def watch(execution: str | None, stack_name: str, local: bool) -> None:
    """Follow EXECUTION (the latest one by default) until it ends; exit code 1 if it fails."""
    follow(_session(stack_name, local), execution)


@cli.command()
@click.argument("execution", required=False)
@click.option("--run", "kind", flag_value="run", help="The page of the run alone; it and the three below by default.")
@click.option("--tuning", "kind", flag_value="tuning", help="The report about tuning alone.")
@click.option("--training", "kind", flag_value="training", help="The report about training alone.")
@click.option("--data", "kind", flag_value="data", help="The page about the pictures alone, and its table.")
@click.option(
    "--out", "folder", type=click.Path(file_okay=False, path_type=Path), help="Where to write; below build/ by default."
)
@click.option("--open/--no-open", "then_open", default=True, help="Open the pages in the browser.")
@stack_options
def report(
    execution: str | None, kind: str | None, folder: Path | None, then_open: bool, stack_name: str, local: bool
) -> None:
    """Fetch the reports of EXECUTION (the latest one by default), print their paths and open them.

    \b
    Example:
        python deploy.py report --tuning --no-open
    """
    from ops.console import say
    from ops.runs import executions, fetched_reports, status_page
    from ops.stack import stacks

    session = _session(stack_name, local)
    deployed = stacks.deployed(session)
    loaded = executions.load(session, deployed, executions.find_arn(session, deployed, execution))
    kinds = (kind,) if kind else ("run", "tuning", "training", "data")
    paths = fetched_reports.fetch(session, deployed, loaded, kinds, folder)
    for path in paths:
        click.echo(path)
    run = loaded.record
    for name, words in status_page.cost(run) + status_page.approval(run) if run else []:
        say(f"{name}: {words}")
    if then_open:
        fetched_reports.show(paths)


@cli.command()
@click.argument("target")
@click.option("--top-k", default=3, show_default=True, type=click.IntRange(1, 100), help="How many classes to show.")
@stack_options
def predict(target: str, top_k: int, stack_name: str, local: bool) -> None:
    """Ask the prediction Lambda about TARGET: a URL, an S3 URI or a picture on this machine."""
    from ops.console import say, table
    from ops.prediction import predictions
    from ops.stack import stacks

    event = predictions.payload(target, top_k)
    session = _session(stack_name, local)
    answer = predictions.predict(session, stacks.deployed(session), event)
    rows = [[entry["class_name"], f"{entry['probability']:.4f}"] for entry in answer.predictions]
    table("", ["class", "probability"], rows)
    say(f"answered by {answer.model.get('training_job_name', 'an unnamed model')} in {answer.milliseconds:.0f} ms")


@cli.command()
@click.option("--port", default=0, help="The port on 127.0.0.1; by default a free one.")
@stack_options
def page(port: int, stack_name: str, local: bool) -> None:
    """Serve the stack's console until Ctrl-C: try a picture, see runs, models, reviews, load and costs.

    It is one page on 127.0.0.1; what it asks is signed with your credentials.
    """
    from ops.prediction import panels
    from ops.prediction.page import PageServer
    from ops.stack import stacks

    session = _session(stack_name, local)
    deployed = stacks.deployed(session)
    alias = deployed.output("PredictAliasArn")
    server = PageServer(session.functions, alias, port, panels.of_stack(session, deployed))
    click.echo(server.url)
    with server:
        server.serve_forever()


@cli.command()
@click.argument("photographs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--target", default="lambda", show_default=True, metavar="lambda|endpoint|URL", help="What to drive.")
@click.option("--seconds", default=10.0, show_default=True, help="For how long.")
@click.option("--concurrency", default=1, show_default=True, help="Callers of the closed loop.")
@click.option("--rate", default=0.0, help="Arrivals a second (Poisson): an open loop instead.")
@click.option("--ramp-to", default=0.0, help="The rate at the end, to which it goes evenly.")
@click.option("--warm-up", default=1.0, show_default=True, help="Seconds before, which do not count.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write OUT.json, every request, and OUT.png."
)
@stack_options
def load(
    photographs: Path, target: str, out: Path | None, stack_name: str, local: bool, warm_up: float, **asked: Any
) -> None:
    """Drive the prediction Lambda, the endpoint or a URL with the PHOTOGRAPHS of a folder; print latencies.

    \b
    Examples:
        python deploy.py load my-photos --concurrency 8
        python deploy.py load my-photos --target endpoint --rate 5 --ramp-to 50 --seconds 60 --out load/ramp
        python deploy.py load my-photos --target http://127.0.0.1:8080/invocations --rate 20
    """
    from ops.load import driving, run, targets
    from ops.stack import stacks

    plan = driving.Load(warm_up_seconds=warm_up, **asked)
    files = targets.photographs(photographs)
    driven: driving.Target
    if target in {"lambda", "endpoint"}:
        session = _session(stack_name, local)
        driven = targets.of_stack(session, stacks.deployed(session), target)
    else:
        driven = targets.HttpTarget(target)
    run.run(driven, files, plan, out)


@cli.command()
@click.argument("target")
@click.option("--follow", is_flag=True, help="Go on with the lines that come, until interrupted.")
@click.option("--since", default=24 * 60, show_default=True, type=click.IntRange(1), help="How many minutes back.")
@stack_options
def logs(target: str, follow: bool, since: int, stack_name: str, local: bool) -> None:
    """Print the log lines of TARGET: a function (validate-dataset, predict, ...), training-job[/NAME] or endpoint."""
    from ops.runs import logs as log_lines
    from ops.stack import stacks

    session = _session(stack_name, local)
    where = log_lines.source(session, stacks.deployed(session), target)
    for line in log_lines.lines(session, where, since_seconds=since * 60.0, follow=follow):
        click.echo(line)


@cli.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Leave behind, and name, what cannot be deleted.")
@stack_options
def down(yes: bool, force: bool, stack_name: str, local: bool) -> None:
    """Remove the stack, its endpoint, models and code, whatever state it is in; the data bucket stays."""
    from ops.console import result, say
    from ops.stack import teardown

    session = _session(stack_name, local)
    question = f"Delete stack {stack_name!r} with its endpoint and models in {session.account_id}, {session.region}?"
    if not yes and not _confirm(question):
        raise click.ClickException("not confirmed: nothing was deleted; answer yes, or run again with --yes")
    bucket = teardown.down(session, say, is_forced=force)
    result(
        f"removed stack {stack_name!r}" + (f"; data bucket {bucket!r} is left, with your data in it" if bucket else "")
    )


@cli.command()
def demo() -> None:
    """Run the whole flow in the embedded account on 1,797 scans of handwritten digits."""
    started = time.time()
    with ThreadPoolExecutor(1) as pool:  # the account starts while the rest is imported
        opening = pool.submit(_session, "retriever", local=True)
        from ops.demo import flow

        flow.run(opening.result, started)


def _session(stack_name: str, local: bool) -> Session:
    from ops.commands.account import running_account
    from ops.session import open_session

    return open_session(stack_name, running_account() if local else None)


def _prepared(pairs: tuple[str, ...], reset: bool, stack_name: str, local: bool) -> tuple[Session, Bundle, Parameters]:
    """Return what a change of the stack begins with; wrong pairs are refused before anything is built."""
    from ops.stack import deployment

    given = _parse(pairs)
    session, bundle = _session_and_bundle(stack_name, local)
    return session, bundle, deployment.merged_parameters(session, bundle, given, reset=reset)


def _session_and_bundle(stack_name: str, local: bool) -> tuple[Session, Bundle]:
    """Return both; on this machine they come at once, on AWS the credentials are proved before anything is built."""
    from ops.packaging import bundle

    if not local:
        session = _session(stack_name, local)
        click.echo("packaging ...", err=True)
        return session, bundle.build(for_this_machine=False)
    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(bundle.build, for_this_machine=True)
        return _session(stack_name, local), building.result()


def _parse(pairs: tuple[str, ...]) -> dict[str, str]:
    from ops.stack import parameters

    try:
        return parameters.parse(pairs)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--parameter") from error


def _confirm(question: str) -> bool:
    """Ask on stderr; no terminal, no answer and Ctrl-D all mean no."""
    try:
        return click.confirm(question, default=False, err=True)
    except click.Abort:
        click.echo(err=True)
        return False


data_group.add_command(doctor.check)
data_group.add_command(doctor.fix)
for command in (
    model_commands.models,
    model_commands.rollback,
    model_commands.approve,
    model_commands.reject,
    model_commands.lineage,
    run_commands.runs,
    run_commands.compare,
    retry,
    scaling.measure,
    scaling.simulate,
    instances.compare_training,
    cost_commands.costs,
    security.security,
    data_group,
    endpoint_group,
    local_group,
):
    cli.add_command(command)

if __name__ == "__main__":
    cli()
