"""What a stranger does with the package: the README's lines, in an empty folder, by its console script alone."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from embedded_account.exports import aws_addresses, role_session
from embedded_account.pytest_plugin import RunningAccount
from support.pauses import short_pauses

from embedded_account import client_environment, status, stop

pytestmark = [pytest.mark.slow, pytest.mark.account]

_EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
_README = _EXAMPLES.with_name("README.md").read_text()


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], str]:
    """Give a shell in an empty folder that knows the installed commands, and no AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EMBEDDED_ACCOUNT_"))}
    environment = kept | {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONWARNINGS": "ignore"}
    environment |= short_pauses("train_and_deploy.py")

    def run(script: str) -> str:
        command = ["/bin/sh", "-ec", script]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    return run


def test_the_readmes_lines_train_tune_deploy_and_predict(shell: Callable[[str], str], tmp_path: Path) -> None:
    """Start, export, an SDK script that knows of no emulator, stop: it learns y = 3x and is asked for two points."""
    lines = [line.split("  #")[0].strip() for line in _README.splitlines() if line.startswith("    ")][:5]
    assert lines[0].startswith("pip install ")
    shutil.copy(_EXAMPLES / "train_and_deploy.py", tmp_path)

    try:
        printed = shell("\n".join(lines[1:]))
    finally:
        stop(tmp_path / ".embedded-account")

    line = re.search(r'\{"best".*\}', printed)  # the SDK leaves its dots on the same line
    assert line is not None, printed
    result = json.loads(line[0])
    assert result["answer"] == pytest.approx([3.0, 6.0], abs=0.05)
    assert printed.splitlines()[-1] == "stopped"
    assert status(tmp_path / ".embedded-account") is None


def test_the_notebook_gives_what_it_shows(account: RunningAccount, tmp_path: Path) -> None:
    """Every cell runs as it stands, in a role with AWS's managed policies; its outputs are those in the notebook."""
    notebook = shutil.copy(_EXAMPLES / "notebook_to_lambda.ipynb", tmp_path)
    _make_role(account)
    program = _EXAMPLES.with_name("tests") / "support" / "notebooks.py"
    settings = {"PYTHONWARNINGS": "ignore", "SAGEMAKER_SUPPRESS_V2_WARNING": "1"} | short_pauses(program.name)
    exported = client_environment(account.info) | aws_addresses(account.info, {})
    exported |= role_session(account.info, "notebook")

    done = subprocess.run(
        [sys.executable, str(program), str(notebook), "--write"],
        cwd=tmp_path,
        env=exported | {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | settings,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert _outputs(notebook) == _outputs(_EXAMPLES / "notebook_to_lambda.ipynb")


def _make_role(account: RunningAccount) -> None:
    """Make the notebook's role, of SageMaker and Lambda, with what AWS itself would have people attach."""
    iam = account.client("iam")
    services = {"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": services}
    iam.create_role(RoleName="notebook", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    for name in ("AmazonSageMakerFullAccess", "AmazonS3FullAccess", "AWSLambda_FullAccess"):
        iam.attach_role_policy(RoleName="notebook", PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def _outputs(notebook: str | Path) -> list[str]:
    """Return what each code cell of a notebook shows."""
    cells = json.loads(Path(notebook).read_text())["cells"]
    return [json.dumps(cell["outputs"]) for cell in cells if cell["cell_type"] == "code"]


def test_a_suite_uses_the_plugins_fixtures(shell: Callable[[str], str], tmp_path: Path) -> None:
    """Two tests without a conftest and without settings: account, aws, faults and clock are there."""
    shutil.copy(_EXAMPLES / "test_orders.py", tmp_path)

    printed = shell("python -m pytest -q -p no:cacheprovider test_orders.py")

    assert "2 passed" in printed
