"""How a command ends: with its exit code, or with one sentence about what was expected to go wrong."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

EXIT_INTERRUPTED = 130
_ENDS = (signal.SIGTERM, signal.SIGHUP)


class Commands(click.Group):
    """A group that turns every expected failure into one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with _ended_in_order():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(EXIT_INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            message = _sentence(error)
            if message is None:
                raise
            raise click.ClickException(message) from error


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let a closed terminal and a `kill` end a command as Ctrl-C does, which removes what it made for its own time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in _ENDS if _is_default(number)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_default(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_DFL  # under `nohup` it is ignored, and stays so


def _sentence(error: Exception) -> str | None:
    """Return what to tell the person, or None for a defect of ours, which keeps its traceback."""
    from botocore.exceptions import BotoCoreError, ClientError

    from ops.errors import OperationError, sentence

    if isinstance(error, OperationError):
        return str(error)
    return sentence(error) if isinstance(error, (BotoCoreError, ClientError)) else None
