"""The process that carries the SAM macro out, by AWS's own translator.

Run as `python translator_process.py REGION`; it never imports anything of this package. Standard input is a socket,
by which a document and its parameters come as a pair; the answer is a pair too: the processed document, and what is
wrong with it. None instead of an answer asks for the ARNs of AWS's managed policies by their names.
"""

import logging
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

Policies = Callable[[], dict[str, str]]


def main() -> None:
    """Answer until the socket is closed."""
    if not sys.flags.safe_path:
        del sys.path[0]  # this file's own folder
    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of metrics that it did not send to AWS
    connection = Connection(0)
    session = boto3.session.Session(region_name=sys.argv[1])

    def policies() -> dict[str, str]:
        connection.send(None)
        known: dict[str, str] = connection.recv()
        return known

    while True:
        try:
            document, parameters = connection.recv()
        except EOFError:
            return
        connection.send(translated(session, document, parameters, policies))


def translated(
    session: Any, document: dict[str, Any], parameters: dict[str, str], policies: Policies
) -> tuple[dict[str, Any], str]:
    """Return the document with the macro carried out, which changes it, and what is wrong with it, or nothing."""
    translator = Translator(None, Parser(), boto_session=session)
    try:
        return translator.translate(document, parameters, get_managed_policy_map=policies), ""
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        return {}, f"{error.message} {causes}"


if __name__ == "__main__":
    main()
