"""start, stop, status, logs and clock, as a person types them."""

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from embedded_account.commands import commands
from embedded_account.pytest_plugin import RunningAccount

from embedded_account import AccountInfo, status


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Give a runner of commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMBEDDED_ACCOUNT_FOLDER", raising=False)
    return lambda *arguments, **options: CliRunner().invoke(commands, arguments, **options)


def test_every_command_says_in_a_sentence_what_it_does() -> None:
    """The help alone suffices; no option is left without a word."""
    names = {"start", "stop", "status", "logs", "clock", "fault", "permissions", "services"}
    assert set(commands.commands) == names
    for command in commands.commands.values():
        assert command.help
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert [one.name for one in options if not one.help] == []


def test_asking_about_an_account_starts_none(run: Callable[..., Result], tmp_path: Path) -> None:
    """status and logs fail with the command that starts one; stop has nothing to do."""
    told, stopped, logs = run("status"), run("stop"), run("logs")

    assert (told.exit_code, stopped.exit_code, logs.exit_code) == (1, 0, 1)
    assert told.stderr == "Error: the embedded account is not running; start it with: embedded-account start\n"
    assert stopped.stdout == "it was not running\n"
    assert "embedded-account start" in logs.stderr
    assert not (tmp_path / ".embedded-account" / "account.json").exists()


@pytest.mark.slow
@pytest.mark.account
def test_an_account_from_start_to_stop(run: Callable[..., Result], tmp_path: Path) -> None:
    """It lives in .embedded-account of the working folder, and is gone after stop."""
    started = run("start", "--region", "eu-west-1")
    info = status(tmp_path / ".embedded-account")
    again, stopped = run("start"), run("stop")

    assert isinstance(info, AccountInfo), started.stderr
    assert started.stdout == again.stdout == f"{info.url}\n"
    assert info.region == "eu-west-1"
    assert stopped.stdout == "stopped\n"
    assert status(tmp_path / ".embedded-account") is None


@pytest.mark.parametrize("how", ["option", "variable"])
def test_the_folder_is_where_one_says(
    account: RunningAccount, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """--folder or EMBEDDED_ACCOUNT_FOLDER; status prints what to export."""
    if how == "variable":
        monkeypatch.setenv("EMBEDDED_ACCOUNT_FOLDER", str(account.folder))

    told = run("status", *(["--folder", str(account.folder)] if how == "option" else []))

    assert f"process  {account.info.pid}" in told.stdout
    assert f"export AWS_ENDPOINT_URL={account.info.url}\n" in told.stdout


def test_exported_lines_can_be_evaluated(account: RunningAccount, run: Callable[..., Result]) -> None:
    """`status --export` prints nothing but shell."""
    told = run("status", "--export", "--folder", str(account.folder))

    assert {line.split()[0] for line in told.stdout.splitlines()} == {"export", "unset"}
    assert "AWS_SECRET_ACCESS_KEY=" in told.stdout
    assert "unset AWS_SESSION_TOKEN\n" in told.stdout  # of whatever the shell was signed in to


def test_a_role_and_awss_addresses_are_exported_on_request(account: RunningAccount, run: Callable[..., Result]) -> None:
    """Options of `status` add to what is exported; SDKs need no settings file then."""
    account.role("exported")

    told = run("status", "--export", "--aws-addresses", "--role", "exported", "--folder", str(account.folder))

    names = [line.removeprefix("export ").partition("=")[0] for line in told.stdout.splitlines()]
    assert {"HTTPS_PROXY", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN"} < {*names}
    assert "SAGEMAKER_USER_CONFIG_OVERRIDE" not in names


def test_logs_are_the_end_of_the_log(account: RunningAccount, run: Callable[..., Result]) -> None:
    """The last lines, as many as one asks for."""
    told = run("logs", "--lines", "1", "--folder", str(account.folder))

    lines = (account.folder / "account.log").read_text().splitlines()
    assert told.stdout.strip() in lines
    assert len(told.stdout.splitlines()) == 1


def test_a_refusal_is_one_sentence(account: RunningAccount, run: Callable[..., Result]) -> None:
    """What the account refuses ends in exit code 1 and its words, without a traceback."""
    told = run("fault", "add", "nonsense", "--folder", str(account.folder))

    assert told.exit_code == 1
    assert told.stderr.startswith("Error: kind of fault: 'nonsense'; known are throttle, ")


def test_another_programs_group_names_itself(run: Callable[..., Result], tmp_path: Path) -> None:
    """A program that shows the commands gives the folder, and messages speak of its own words."""

    @click.group("shop", commands={"account": click.Group("account", commands=commands.commands)})
    @click.pass_context
    def shop(ctx: click.Context) -> None:
        ctx.obj = tmp_path / "elsewhere"

    told = CliRunner().invoke(shop, ["account", "fault", "list"])

    assert told.stderr == "Error: the embedded account is not running; start it with: shop account start\n"
    assert os.listdir(tmp_path) == []
