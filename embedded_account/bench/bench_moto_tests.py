"""How many of moto's own tests pass on plain moto and fail in the embedded account, service by service.

    python bench/bench_moto_tests.py
    python bench/bench_moto_tests.py --only sts --only sns --keep /tmp/moto-tests

moto's tests are in its source distribution, which pip downloads into a temporary folder. They run in moto's server
mode, first against plain moto's server, then those that passed against an embedded account that is fresh for each.
Their regions are all made us-east-1, since the account has one, underscores in the names of stacks hyphens, since AWS
takes none, and a letter stands before names that are made up. `moto_set_up.py` makes the roles that they name and lets
topics and rules send to queues. A call that changes a stack returns when the stack has changed, since moto changes it
at once, and one that puts events a second later. What AWS itself would refuse is told by `moto_differences.json` beside
this file: a pattern of the failure's text, and AWS's reason.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import click

_SERVICES = {
    "s3": "s3",
    "sns": "sns",
    "sqs": "sqs",
    "sts": "sts",
    "cloudwatch": "cloudwatch",
    "application-autoscaling": "applicationautoscaling",
    "sagemaker": "sagemaker",
    "lambda": "awslambda",
    "cloudformation": "cloudformation",
    "events": "events",
    "stepfunctions": "stepfunctions",
    "iam": "iam",
    "logs": "logs",
    "kms": "kms",
    "ssm": "ssm",
    "scheduler": "scheduler",
    "dynamodb": "dynamodb",
}
_TESTS_NEED = ("freezegun", "parameterized")
_REASONS = Path(__file__).with_name("moto_differences.json")
_REGION = re.compile(r"\b(?:us|eu|ap|sa|ca|af|me)-(?:north|south|east|west|central|northeast|southeast)-[1-9]\b")

_STACK = re.compile(r'(?:StackName|stack_name|STACK_NAME)\s*=\s*"([A-Za-z][\w-]*_[\w-]*)"')

_TEXTS = {  # what AWS refuses for a reason that says nothing of what is tested
    "stack_name = str(uuid4())": 'stack_name = f"s{uuid4()}"',
    ":account-id:": ":123456789012:",
    "arn:aws:sagemaker:us-east-1:000000000000:x-x/": "arn:aws:iam::123456789012:role/",
    "mpg_DEV": "mpg-DEV",
    '"VisibilityTimeout "': '"VisibilityTimeout"',
    '"Id": "n/a"': '"Id": "na"',
    'function-6",\n        "Rules": ["test1", "test3"]': 'function-6",\n        "Rules": ["test3"]',  # five for a rule
    '"RoleArn": "n/a"': '"RoleArn": "arn:aws:iam::123456789012:role/scheduler"',
    '"Arn": "arn1", "RoleArn": "arn2"': '"Arn": "arn:aws:sqs:us-east-1:123456789012:q", '
    '"RoleArn": "arn:aws:iam::123456789012:role/scheduler"',
    '"Arn": "not supported yet"': '"Arn": "arn:aws:sqs:us-east-1:123456789012:q"',
    '"some cron"': '"rate(1 day)"',
    '"some cron *"': '"cron(0 8 * * ? *)"',
    '"new cron"': '"rate(2 days)"',
    '"my-path"': '"/my-path/"',
    'Path="myUser"': 'Path="/myUser/"',
    '["Path"] == "myUser"': '["Path"] == "/myUser/"',
    '"my/path"': '"/my/path/"',
    'Path="/path"': 'Path="/path/"',
    '["Path"] == "/path"': '["Path"] == "/path/"',
    "CUSTOMER_MANAGED_CMK": "CUSTOMER_MANAGED_KMS_KEY",
}


@dataclass(frozen=True)
class Test:
    """One test and, where it failed, the text of its failure."""

    name: str
    failure: str


def fetch(folder: Path) -> Path:
    """Return the folder of moto's source distribution, of the version that is installed, below `folder`."""
    name = f"moto-{version('moto')}"
    if not (folder / name).is_dir():
        requirement = f"moto=={version('moto')}"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-build-isolation"]
        subprocess.run([*command, "--no-binary", "moto", "-d", str(folder), requirement], check=True)
        with tarfile.open(next(folder.glob("moto-*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
        for path in (folder / name / "tests").rglob("*.py"):
            path.write_text(_adapted(path.read_text(encoding="utf-8")), encoding="utf-8")
        needed = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder / name / "site")]
        subprocess.run([*needed, *_TESTS_NEED], check=True, stderr=subprocess.DEVNULL)
    return folder / name


def _adapted(text: str) -> str:
    """Return the text of tests in the account's one region, with names that AWS takes."""
    text = _REGION.sub("us-east-1", text)
    for name in set(_STACK.findall(text)):
        text = text.replace(f'"{name}"', f'"{name.replace("_", "-")}"')
    for here, there in _TEXTS.items():
        text = text.replace(here, there)
    return text


def run_on_moto(tests: Path, service: str) -> list[Test]:
    """Return how the tests of a service end on plain moto's server."""
    port = _free_port()
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with open(os.devnull, "w") as nothing:
        server = subprocess.Popen(command, stdout=nothing, stderr=nothing, cwd=tests, env=_environment(port))
        try:
            _wait_for(port)
            return _run(tests, [f"tests/test_{_SERVICES[service]}"], port, f"{service}-on-moto")
        finally:
            server.terminate()
            server.wait()


def run_in_account(tests: Path, service: str, names: list[str], folder: Path) -> list[Test]:
    """Return how the named tests end in an embedded account, which is fresh for each."""
    return _run(tests, names, _free_port(), f"{service}-here", Path(tempfile.mkdtemp(dir=folder)))


def _run(tests: Path, names: list[str], port: int, kind: str, folder: Path | None = None) -> list[Test]:
    """Run tests; with a folder in embedded accounts, whose files are there."""
    report = tests / f"{kind}.xml"
    listed = tests / f"{kind}.txt"
    listed.write_text("\n".join(names))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:embedded_account", "--timeout=60", "-o", "addopts="]
    command += ["--continue-on-collection-errors"]
    command += ["-o", "junit_family=xunit1", f"--junitxml={report}", f"@{listed}"]
    command += ["-p", "moto_plugin"] if folder else []
    environment = _environment(port) | {"PYTHONPATH": f"{tests / 'site'}:{Path(__file__).parent}"}
    environment |= {"EMBEDDED_ACCOUNT_BENCH": str(folder)} if folder else {}
    with (tests / f"{kind}.log").open("w") as log:
        subprocess.run(command, cwd=tests, env=environment, stdout=log, stderr=log, check=False)  # 1: some failed
    return [_test(case) for case in ElementTree.parse(report).iter("testcase") if case.find("skipped") is None]  # noqa: S314 (our own report)


def _environment(port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    mode = {"TEST_SERVER_MODE": "true", "TEST_SERVER_MODE_ENDPOINT": f"http://localhost:{port}"}
    return kept | mode | {"MOTO_PORT": str(port), "AWS_DEFAULT_REGION": "us-east-1", "PYTHONHASHSEED": "0"}


def _test(case: ElementTree.Element) -> Test:
    failures = [each for each in case if each.tag in ("failure", "error")]
    name = f"{case.get('file')}::{case.get('name')}"
    classes = (case.get("classname") or "").split(".")
    if classes[-1][:1].isupper():
        name = f"{case.get('file')}::{classes[-1]}::{case.get('name')}"
    return Test(name, "\n".join(f"{each.get('message')}\n{each.text}" for each in failures))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port} after a minute")


def reason(test: Test, service: str) -> str:
    """Return AWS's reason for which a test fails, or "" where the failure is the account's own."""
    told = json.loads(_REASONS.read_text(encoding="utf-8"))
    text = "\n".join([test.name, *_error_lines(test.failure)])
    for pattern, why in [*told.get(service, {}).items(), *told["all"].items()]:
        if re.search(pattern, text):
            return str(why)
    return ""


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(_SERVICES)), help="This service; repeatable.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep tests and reports in this folder.")
@click.option("--test", "chosen", default="", help="Only tests whose name has this.")
def main(only: tuple[str, ...], keep: Path | None, chosen: str) -> None:
    """Print the table, and what fails for no reason of AWS's."""
    with tempfile.TemporaryDirectory() as name:
        folder = keep or Path(name)
        folder.mkdir(exist_ok=True)
        tests = fetch(folder)
        click.echo(
            "| service | pass on plain moto | fail here | for a reason that is told | for ours |\n|---|---|---|---|---|"
        )
        ours = [each for service in only or _SERVICES for each in _compare(tests, service, folder, chosen)]
    for test in ours:
        click.echo(f"\n{test.name}\n    {_first_line(test.failure)}")


def _compare(tests: Path, service: str, folder: Path, chosen: str) -> list[Test]:
    passing = [test.name for test in run_on_moto(tests, service) if not test.failure and chosen in test.name]
    failing = [test for test in run_in_account(tests, service, passing, folder) if test.failure] if passing else []
    reasons = Counter(reason(test, service) for test in failing)
    explained = len(failing) - reasons[""]
    click.echo(f"| {service} | {len(passing)} | {len(failing)} | {explained} | {reasons['']} |")
    for why, num in reasons.most_common():
        click.echo(f"  {num:4} {why or '?'}", err=True)
    return [test for test in failing if not reason(test, service)]


def _first_line(failure: str) -> str:
    return next((line[:300] for line in _error_lines(failure)), "")


def _error_lines(failure: str) -> list[str]:
    """Return what pytest says of the error, without the test's own text, or all where it says nothing."""
    lines = failure.splitlines()
    return [line.removeprefix("E").strip() for line in lines if line.startswith("E ")] or lines


if __name__ == "__main__":
    main()
