"""How a command ends when somebody ends it."""

import os
import signal

import click
import pytest
from click.testing import CliRunner

from ops.commands.group import EXIT_INTERRUPTED, Commands


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_what_a_command_made_is_removed(number: signal.Signals) -> None:
    """After a `kill` and a closed terminal as after Ctrl-C; afterwards the signals do what they did before."""
    before = signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler
    inherited, removed = signal.signal(number, before), []  # a shell's background has SIGINT ignored

    @click.group(cls=Commands)
    def cli() -> None:
        """Nothing."""

    @cli.command()
    def measure() -> None:
        """End in the middle."""
        try:
            os.kill(os.getpid(), number)
        finally:
            removed.append(True)

    try:
        done = CliRunner().invoke(cli, ["measure"])

        assert (done.exit_code, removed) == (EXIT_INTERRUPTED, [True])
        assert signal.getsignal(number) is before
    finally:
        signal.signal(number, inherited)
