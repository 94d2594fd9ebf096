"""Each example asks the deployed prediction function and prints what it answers."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_account.pytest_plugin import RunningAccount

from tests.prediction_service import (
    CountingEndpoint,
    Deployed,
    counting_endpoint,
    prediction_function,
)

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
NPM_FOLDER = ROOT / "build" / "npm"
PRINTED = [("daisy", "0.7500"), ("rose", "0.2000"), ("tulip", "0.0500")]


def _curl_version() -> tuple[int, int]:
    """Return curl's version; (0, 0) without one."""
    path = shutil.which("curl")
    printed = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout if path else ""
    version = re.match(r"curl (\d+)\.(\d+)", printed)
    return (int(version[1]), int(version[2])) if version else (0, 0)


needs_curl = pytest.mark.skipif(
    _curl_version() < (7, 76), reason="curl 7.76 or newer, which signs requests, is missing"
)


@pytest.fixture(scope="module")
def service(account: RunningAccount) -> Iterator[tuple[Deployed, CountingEndpoint]]:
    """The function, and the endpoint behind it."""
    with counting_endpoint() as endpoint, prediction_function(account, endpoint) as deployed:
        endpoint.go_on.set()
        yield deployed, endpoint


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A file that is taken for a JPEG."""
    path = tmp_path / "dog.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 not really")
    return path


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The AWS SDK for JavaScript, installed once under build/."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed; they run the JavaScript example")
    wanted = (EXAMPLES / "package.json").read_bytes()
    modules, installed = NPM_FOLDER / "node_modules", NPM_FOLDER / "package.json"
    if not modules.is_dir() or not installed.exists() or installed.read_bytes() != wanted:
        NPM_FOLDER.mkdir(parents=True, exist_ok=True)
        installed.write_bytes(wanted)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
        try:
            subprocess.run(command, cwd=NPM_FOLDER, check=True, capture_output=True, timeout=120)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            shutil.rmtree(modules, ignore_errors=True)
            pytest.skip(f"the AWS SDK for JavaScript cannot be installed by npm ({type(error).__name__})")
    return NPM_FOLDER


def run(deployed: Deployed, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the account's environment."""
    environment = deployed.account.environment() | more
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def alias_arn(deployed: Deployed) -> str:
    return str(deployed.client.get_alias(FunctionName=deployed.name, Name="live")["AliasArn"])


def url(deployed: Deployed) -> str:
    return str(deployed.client.get_function_url_config(FunctionName=deployed.name, Qualifier="live")["FunctionUrl"])


def printed(output: str) -> list[tuple[str, ...]]:
    return [tuple(line.split("\t")) for line in output.splitlines()]


def test_python_example(service: tuple[Deployed, CountingEndpoint], picture: Path) -> None:
    """boto3, by the alias' ARN; the id that the example made reaches the endpoint."""
    deployed, endpoint = service

    done = run(deployed, sys.executable, str(EXAMPLES / "predict.py"), alias_arn(deployed), str(picture))

    assert printed(done.stdout) == PRINTED, done.stderr
    assert endpoint.attributes[-1].startswith("correlation-id=example-")


def test_python_example_tells_a_refusal(service: tuple[Deployed, CountingEndpoint], tmp_path: Path) -> None:
    """The function's own sentence, and exit code 1."""
    (tmp_path / "notes.jpg").write_text("no picture")

    done = run(
        service[0], sys.executable, str(EXAMPLES / "predict.py"), alias_arn(service[0]), str(tmp_path / "notes.jpg")
    )

    assert (done.returncode, done.stderr.startswith("415 image: ")) == (1, True)


def test_python_example_tells_what_aws_refuses(service: tuple[Deployed, CountingEndpoint], picture: Path) -> None:
    """One line, not a traceback, for a function that is not there."""
    done = run(service[0], sys.executable, str(EXAMPLES / "predict.py"), "no-such-function", str(picture))

    assert done.returncode == 1
    assert done.stderr.startswith("An error occurred (ResourceNotFoundException)")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [[sys.executable, "predict.py"], ["sh", "predict.sh", "only-one"]])
def test_examples_tell_how_they_are_used(command: list[str]) -> None:
    """With arguments missing: what they take, and exit code 2."""
    done = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 2
    assert "PICTURE" in done.stderr


@needs_curl
def test_curl_example(service: tuple[Deployed, CountingEndpoint], picture: Path) -> None:
    """curl signs for the Function URL."""
    deployed, _ = service

    done = run(deployed, str(EXAMPLES / "predict.sh"), url(deployed), str(picture))

    assert '"class_name": "daisy"' in done.stdout, done.stdout + done.stderr


@needs_curl
def test_curl_example_with_a_roles_session(service: tuple[Deployed, CountingEndpoint], picture: Path) -> None:
    """The session's token is a header that is signed too."""
    deployed, _ = service
    arn = deployed.client.get_function(FunctionName=deployed.name)["Configuration"]["FunctionArn"]
    actions = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]
    session = deployed.account.session({"Effect": "Allow", "Action": actions, "Resource": [arn, f"{arn}:*"]})
    variables = {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }

    done = run(deployed, str(EXAMPLES / "predict.sh"), url(deployed), str(picture), **variables)

    assert '"class_name": "daisy"' in done.stdout, done.stdout + done.stderr


@needs_curl
def test_curl_example_with_a_wrong_key_is_forbidden(service: tuple[Deployed, CountingEndpoint], picture: Path) -> None:
    """The URL is no door for whoever knows it."""
    done = run(service[0], str(EXAMPLES / "predict.sh"), url(service[0]), str(picture), AWS_SECRET_ACCESS_KEY="guessed")

    assert done.returncode != 0
    assert "Forbidden" in done.stdout


def test_javascript_example(service: tuple[Deployed, CountingEndpoint], picture: Path, node_modules: Path) -> None:
    """The AWS SDK v3, by the alias' ARN."""
    shutil.copy(EXAMPLES / "predict.mjs", node_modules)

    done = run(service[0], "node", str(node_modules / "predict.mjs"), alias_arn(service[0]), str(picture))

    assert printed(done.stdout) == PRINTED, done.stderr


def test_examples_hold_no_credentials() -> None:
    """They take them from where every AWS client does."""
    texts = [path.read_text() for path in EXAMPLES.iterdir() if path.is_file()]

    assert texts
    assert not [text for text in texts if re.search(r"\bA[KS]IA[A-Z0-9]{16}\b", text)]
    assert os.access(EXAMPLES / "predict.sh", os.X_OK)
