"""The README's commands can be run as they stand."""

import re
import shlex
from pathlib import Path

import click
import pytest

from deploy import cli

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ["README.md", "docs/operating.md", "docs/predicting.md", "docs/troubleshooting.md", "docs/ec2.md"]
_COMMAND = re.compile(r"(?:^|`)(?:python |\.venv/bin/python )?deploy\.py ([a-z][^`\n#|]*)", re.MULTILINE)


def _commands(document: str) -> list[str]:
    return [command.strip() for command in _COMMAND.findall((ROOT / document).read_text())]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_is_understood(document: str) -> None:
    """Each `deploy.py ...` in the text names a command and options that exist."""
    commands = _commands(document)
    assert commands

    for command in commands:
        _parse(cli, shlex.split(command), command)


def _parse(group: click.Group, words: list[str], command: str) -> None:
    subcommand = group.get_command(click.Context(group), words[0])
    assert subcommand is not None, f"deploy.py {command}: there is no command {words[0]!r}"
    if isinstance(subcommand, click.Group):
        if len(words) > 1:
            _parse(subcommand, words[1:], command)
        return
    options = {option: parameter for parameter in subcommand.params for option in parameter.opts}
    for word in words[1:]:
        if word.startswith("-"):
            assert word.split("=")[0] in options, f"deploy.py {command}: there is no option {word!r}"


def test_make_targets_exist() -> None:
    """Each `make X` of the documents is a target."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for document in DOCUMENTS for name in re.findall(r"\bmake ([a-z]+)\b", _code(document))}

    assert {"demo", "test"} <= named <= targets


def test_files_of_the_tree_exist() -> None:
    """Each path in the README's tree is there."""
    tree = (ROOT / "README.md").read_text().split("<!-- tree -->")[1].split("```")[1]
    paths = [line.split()[0] for line in tree.splitlines() if line.strip()]

    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_links_lead_somewhere() -> None:
    """No relative link of the documents is broken."""
    for document in DOCUMENTS:
        folder = (ROOT / document).parent
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / document).read_text())
        assert [link for link in links if not (folder / link).exists()] == [], document


def _code(document: str) -> str:
    text = (ROOT / document).read_text()
    blocks = re.findall(r"```[a-z]*\n(.*?)```|`([^`\n]+)`|^    (.*)$", text, re.DOTALL | re.MULTILINE)
    return "\n".join("".join(parts) for parts in blocks)
