"""How a command ends: with its exit code, or with one sentence about what was expected to go wrong."""

from __future__ import annotations

from typing import Any

import click

EXIT_INTERRUPTED = 130


class Commands(click.Group):
    """A group that turns every expected failure into one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
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


def _sentence(error: Exception) -> str | None:
    """Return what to tell the person, or None for a defect of ours, which keeps its traceback."""
    from botocore.exceptions import BotoCoreError, ClientError

    from ops.errors import OperationError, sentence

    if isinstance(error, OperationError):
        return str(error)
    return sentence(error) if isinstance(error, (BotoCoreError, ClientError)) else None
