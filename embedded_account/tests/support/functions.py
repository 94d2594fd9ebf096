"""Functions to try things on: real ones, in the shared account."""

import io
import itertools
import json
import zipfile
from dataclasses import dataclass
from typing import Any

from embedded_account.pytest_plugin import RunningAccount

_numbers = itertools.count(1)


def archive(files: dict[str, str]) -> bytes:
    """Return a zip file of `files`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return buffer.getvalue()


@dataclass(frozen=True)
class Answer:
    """What a client saw of an invocation."""

    value: Any
    error: str | None
    version: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Deployed:
    """A function of the account under test."""

    name: str
    client: Any
    account: RunningAccount

    def invoke(self, event: Any = None, **options: Any) -> Answer:
        """Invoke it and wait."""
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event or {}), **options)
        return Answer(
            json.loads(answer["Payload"].read() or b"null"),
            answer.get("FunctionError"),
            answer.get("ExecutedVersion", ""),
            answer["ResponseMetadata"]["HTTPHeaders"],
        )

    def publish(self) -> str:
        """Publish a version; return its number."""
        return str(self.client.publish_version(FunctionName=self.name)["Version"])

    def update(self, source: str) -> None:
        """Replace the code of $LATEST."""
        self.client.update_function_code(FunctionName=self.name, ZipFile=archive({"app.py": source}))

    def log(self) -> str:
        """Return all that it has logged; nothing before it has run for the first time."""
        logs = self.account.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{self.name}")
        try:
            return "".join(event["message"] for page in pages for event in page["events"])
        except logs.exceptions.ResourceNotFoundException:
            return ""


def role(account: RunningAccount) -> str:
    """Return the role that the functions of the tests run as."""
    return f"arn:aws:iam::{account.info.account_id}:role/tester"


def make_function(account: RunningAccount, source: str, **settings: Any) -> Deployed:
    """Create a function of the module `app`, whose handler is `handler`."""
    client, name = account.client("lambda"), f"tested-{next(_numbers)}"
    client.create_function(
        FunctionName=name,
        Handler="app.handler",
        Code={"ZipFile": archive({"app.py": source})},
        **{"Runtime": "python3.11", "Role": role(account), **settings},
    )
    return Deployed(name, client, account)
