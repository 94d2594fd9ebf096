"""`deploy.py endpoint ...`: take the endpoint away while nobody needs it, and bring it back."""

from __future__ import annotations

import click

from ops.commands.options import stack_options


@click.group("endpoint")
def endpoint_group() -> None:
    """Stop the endpoint, so that its instances are not billed, and start it again."""


@endpoint_group.command()
@stack_options
def stop(stack_name: str, local: bool) -> None:
    """Take the endpoint away; its model, config and scaling are kept. Predictions get 503 until it is started."""
    _carry_out("stop", stack_name, local)


@endpoint_group.command()
@stack_options
def start(stack_name: str, local: bool) -> None:
    """Bring a stopped endpoint back, with the model that served, and wait until it serves."""
    _carry_out("start", stack_name, local)


def _carry_out(verb: str, stack_name: str, local: bool) -> None:
    from ops.commands.account import running_account
    from ops.session import open_session
    from ops.stack import stacks, standby

    session = open_session(stack_name, running_account() if local else None)
    {"stop": standby.stop, "start": standby.start}[verb](session, stacks.deployed(session))
