"""Options that several commands take."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click


class Days(click.FloatRange):
    """So many days, or a part of one; "nan", which no range holds back, is none."""

    name = "days"

    def __init__(self, most: float) -> None:
        super().__init__(0, most, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r}; give a number of days", param, ctx)
        return number


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
