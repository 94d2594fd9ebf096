"""The macro AWS::Serverless-2016-10-31, carried out by AWS's own translator as CloudFormation does on the server.

The translator has a process of its own: importing it takes a third of a second of a core, and each template more,
which everything else of the account would wait for.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any

from embedded_account.account import Account
from embedded_account.cloudformation.documents import SAM_TRANSFORM, transforms
from embedded_account.cloudformation.errors import TemplateError, UnsupportedError
from embedded_account.iam import aws_policies

_SCRIPT = Path(__file__).with_name("translator_process.py")
ANSWER_SECONDS = 60.0  # the largest template takes three, on a busy machine ten times as long


class TranslatorError(Exception):
    """The translator's process gave no answer."""


class Transformer:
    """Carries out the macros of templates, one template at a time."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        account.on_stop(self._close)

    def start(self) -> None:
        """Start the translator ahead of the first template."""
        with self._lock:
            self._running()

    def transform(self, document: dict[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return `document` with its macros carried out; it is left as it is.

        Raises:
            TemplateError: the template is not valid SAM; the words are the translator's.
            UnsupportedError: it asks for another macro.
            TranslatorError: the translator ended, or said nothing in time.
        """
        names = transforms(document)
        for name in names:
            if name != SAM_TRANSFORM:
                raise UnsupportedError(f"the transform {name!r}")
        if not names:
            return document
        with self._lock:
            processed, problem = self._ask((document, dict(parameters)))
        if problem:
            raise TemplateError(f"Transform {SAM_TRANSFORM} failed with: {problem}")
        processed.pop("Transform", None)
        return processed

    def _ask(self, question: tuple[dict[str, Any], dict[str, str]]) -> tuple[dict[str, Any], str]:
        connection = self._running()
        try:
            connection.send(question)
            answer = _received(connection)
            if answer is None:
                connection.send(aws_policies.arns())
                answer = _received(connection)
        except (OSError, EOFError) as error:
            self._end()
            raise TranslatorError(f"AWS's translator of SAM {error or 'ended'}; send the template again") from error
        processed, problem = answer
        return processed, problem

    def _running(self) -> Connection:
        """Return the connection to the translator, to a new one if there is none; the caller holds the lock."""
        if self._connection is None or self._process is None or self._process.poll() is not None:
            self._close()
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = self._account.processes.spawn(
                    [sys.executable, str(_SCRIPT), self._account.region],
                    env=os.environ,
                    stdin=theirs.fileno(),
                    stdout=None,
                    stderr=None,
                )
            self._connection = Connection(ours.detach())
        return self._connection

    def _end(self) -> None:
        """End the process, so that the next template has a new one."""
        self._close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _received(connection: Connection) -> Any:
    if not connection.poll(ANSWER_SECONDS):
        raise TimeoutError(f"gave no answer within {ANSWER_SECONDS:.0f} s")
    return connection.recv()
