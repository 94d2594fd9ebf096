"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Callable

import click


def stack_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which stack, and where."""
    local = click.option("--local", is_flag=True, help="Use the embedded account on this machine instead of AWS.")
    name = click.option(
        "--stack-name", default="retriever", show_default=True, envvar="STACK_NAME", help="The CloudFormation stack."
    )
    return local(name(command))


def parameter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that set parameters of template.yaml."""
    given = click.option(
        "--parameter",
        "pairs",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a parameter of template.yaml; repeatable.",
    )
    reset = click.option(
        "--reset", is_flag=True, help="Forget the values given earlier: what is not given now has its default."
    )
    return given(reset(command))
