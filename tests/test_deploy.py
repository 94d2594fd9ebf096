"""The command line: what each command refuses, prints and exits with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from deploy import cli
from ops.commands.data import data_group

COMMANDS = {
    "up",
    "plan",
    "check",
    "upload",
    "start",
    "status",
    "watch",
    "predict",
    "page",
    "report",
    "load",
    "simulate",
    "runs",
    "compare",
    "security",
    "compare-training",
    "costs",
    "measure",
    "logs",
    "models",
    "rollback",
    "retry",
    "approve",
    "reject",
    "lineage",
    "down",
    "demo",
    "data",
    "endpoint",
    "local",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Give a runner of commands whose embedded account would be in a folder of the test's own."""
    monkeypatch.setenv("RETRIEVER_LOCAL_FOLDER", str(tmp_path / ".local"))
    return lambda *arguments, **options: CliRunner().invoke(cli, arguments, **options)


def test_commands_are_those_of_the_readme() -> None:
    """Nothing is missing, and each says in a sentence what it does."""
    assert set(cli.commands) == COMMANDS
    assert all(command.help for command in cli.commands.values())


def test_start_is_quick() -> None:
    """The command line itself imports nothing heavy, so that --help and completion are instant."""
    import subprocess
    import sys

    code = "import sys, deploy; print(sorted({'boto3', 'botocore', 'rich', 'sagemaker', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "--parameter", "Epochs"),
        ("upload", "no-such-folder", "--dataset", "x"),
        ("upload", "."),
        ("predict",),
        ("predict", "x.jpg", "--top-k", "0"),
        ("nonsense",),
    ],
)
def test_misuse_exits_with_2(run: Callable[..., Result], arguments: tuple[str, ...]) -> None:
    """A command that cannot be understood is told apart from one that failed."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert "Usage:" in result.stderr


@pytest.mark.parametrize(
    "command", [("up",), ("plan",), ("status",), ("watch",), ("down", "--yes"), ("logs", "predict")]
)
def test_aws_without_credentials_is_one_sentence(run: Callable[..., Result], command: tuple[str, ...]) -> None:
    """No traceback, exit code 1, and the remedy."""
    result = run(*command)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no AWS credentials: ")
    assert "--local" in result.stderr
    assert result.stdout == ""


def test_upload_looks_before_it_asks_for_anything(run: Callable[..., Result], tmp_path: Path) -> None:
    """A folder without pictures is refused without credentials or an account."""
    (tmp_path / "empty").mkdir()

    result = run("upload", str(tmp_path / "empty"), "--dataset", "flowers", "--local")

    assert result.exit_code == 1
    assert "has no class folders and no files" in result.stderr
    assert not (tmp_path / ".local").exists()


def test_predict_of_a_missing_file_starts_nothing(run: Callable[..., Result], tmp_path: Path) -> None:
    """A typing error in a file's name does not start an account."""
    result = run("predict", "no-such-dog.jpg", "--local")

    assert result.exit_code == 1
    assert "'no-such-dog.jpg': no such file" in result.stderr
    assert not (tmp_path / ".local").exists()


def test_local_status_and_stop_start_nothing(run: Callable[..., Result], tmp_path: Path) -> None:
    """Asking about an account that does not run does not run it."""
    status, stop, logs = run("local", "status"), run("local", "stop"), run("local", "logs")

    assert (status.exit_code, stop.exit_code, logs.exit_code) == (1, 0, 1)
    assert "start it with: deploy.py local start" in status.stderr
    assert stop.stdout == "it was not running\n"
    assert not (tmp_path / ".local" / "account.json").exists()


def test_commands_find_the_running_account(
    account: Any, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--local uses the account that runs; a stack that is not there is named with the command that makes it."""
    monkeypatch.setenv("RETRIEVER_LOCAL_FOLDER", str(account.folder))

    status = run("local", "status")
    missing = run("status", "--local", "--stack-name", "nobody")

    assert f"export AWS_ENDPOINT_URL={account.info.url}" in status.stdout
    assert missing.exit_code == 1
    assert (
        "stack 'nobody': does not exist in us-east-1; create it with `deploy.py up --stack-name nobody --local`"
        in missing.stderr
    )


def test_unexpected_errors_keep_their_traceback(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours is not dressed up as the user's mistake."""
    monkeypatch.setattr("ops.prediction.predictions.payload", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError, match="division by zero"):
        run("predict", "x.jpg", catch_exceptions=False)


def test_interrupt_ends_quietly(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C has the shell's exit code and no traceback."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.prediction.predictions.payload", interrupt)

    result = run("predict", "x.jpg")

    assert result.exit_code == 130
    assert "Traceback" not in result.output


def test_every_aws_command_takes_the_same_options() -> None:
    """--local and --stack-name mean the same everywhere."""
    of_runs = [data_group.commands[name] for name in ("list", "diff", "verify", "restore")]
    for command in [*of_runs, *(cli.commands[name] for name in COMMANDS - {"demo", "local", "data", "endpoint"})]:
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--local", "--stack-name"} <= options, command.name
        assert isinstance(command, click.Command)


@pytest.mark.account  # for a socket on 127.0.0.1
def test_load_that_nothing_answers_is_a_failure(run: Callable[..., Result], tmp_path: Path) -> None:
    """The kinds of failures are listed, and scripts see it by the exit code."""
    (tmp_path / "a.jpg").write_bytes(b"jpeg")

    result = run("load", str(tmp_path), "--target", "http://127.0.0.1:1/x", "--seconds", "0.1", "--warm-up", "0")

    assert result.exit_code == 1
    assert "connection: ConnectionRefusedError" in result.stdout
    assert "requests was answered" in result.stderr
