"""`deploy.py compare-training`."""

from __future__ import annotations

import click

from ops.commands.options import stack_options


@click.command("compare-training")
@click.argument("run", required=False)
@click.option("--types", required=True, metavar="TYPE,TYPE", help="Instance types, such as ml.m5.xlarge,ml.g5.xlarge.")
@click.option("--instances", default="1", show_default=True, metavar="N,N", help="How many of each.")
@click.option("--epochs", default=3, show_default=True, type=click.IntRange(1, 20), help="Epochs of each try.")
@click.option("--yes", is_flag=True, help="Do not ask before jobs are paid.")
@stack_options
def compare_training(
    run: str | None, types: str, instances: str, epochs: int, yes: bool, stack_name: str, local: bool
) -> None:
    """Train the first epochs of RUN (the last by default) on other instances; say what each would take and cost.

    The jobs run one after another, by RUN's own data, code and hyperparameters, and deploy nothing. One that was
    measured before is not paid again. Ctrl-C stops the one that runs.

    \b
    Example:
        python deploy.py compare-training --types ml.m5.xlarge,ml.g5.xlarge --instances 1,2
    """
    from ops.commands.account import running_account
    from ops.instances import comparison
    from ops.instances.shapes import Shape
    from ops.session import open_session
    from ops.stack import stacks

    counts = [_count(text) for text in _listed(instances)]
    shapes = [Shape(kind, count) for kind in _listed(types) for count in counts]
    session = open_session(stack_name, running_account() if local else None)
    ask = None if yes or local else lambda question: click.confirm(question, default=False, err=True)
    comparison.compare(session, stacks.deployed(session), run, shapes, epochs, ask)


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 20:  # noqa: PLR2004 (SageMaker's quota of instances in one job)
        raise click.BadParameter(f"{text!r}; a whole number from 1 to 20", param_hint="--instances")
    return int(text)
