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
    """Add the option that sets a parameter of template.yaml."""
    return click.option(
        "--parameter",
        "pairs",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a parameter of template.yaml; repeatable.",
    )(command)
