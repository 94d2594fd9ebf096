"""The line between product and embedded account: the product uses the account's public face and nothing behind it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import embedded_account

ROOT = Path(__file__).resolve().parents[1]
FACE = ["AccountError", "AccountInfo", "Faults", "KINDS", "advance_clock", "client_environment", "start", "status"]
FACE += ["stop"]
# Beside the face: the plugin's types for tests, and the command line, which deploy.py shows as its own group.
DOORS = {"embedded_account.pytest_plugin": {"RunningAccount", "AccountClock"}}
OPS_DOORS = {"embedded_account.commands": {"commands"}, "embedded_account.commands.command": {"Group"}}
PRODUCT = sorted({path.parent.name for path in ROOT.glob("[a-z]*/*.py")} - {"embedded_account", "build"})
OF_THE_ACCOUNT = {"embedded_account", "moto", "psutil", "werkzeug", "optuna"}


def _imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of each import of the account; the name is "" for a module as a whole."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "embedded_account")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "embedded_account":
            yield from ((str(node.module), alias.name) for alias in node.names)


def _may(path: Path, module: str, name: str) -> bool:
    if module == "embedded_account":
        return not name or name in FACE
    top = path.relative_to(ROOT).parts[0]
    doors = {"ops": OPS_DOORS, "tests": DOORS}.get(top, {})
    return name in doors.get(module, set())


def test_the_face_is_small() -> None:
    """Nine names; whoever needs another asks for a feature."""
    assert {"bench", "handlers", "inference", "ops", "tests", "training"} < set(PRODUCT)
    assert sorted(embedded_account.__all__) == sorted(FACE)


@pytest.mark.parametrize("folder", [*PRODUCT, "deploy.py"])
def test_the_product_uses_the_face_alone(folder: str) -> None:
    """No import of product, bench, tests or examples reaches behind it."""
    files = [ROOT / folder] if folder.endswith(".py") else sorted((ROOT / folder).rglob("*.py"))
    assert files

    crossing = [
        f"{path.relative_to(ROOT)}: {module} {name}"
        for path in files
        for module, name in _imports(path)
        if not _may(path, module, name)
    ]

    assert crossing == []


@pytest.mark.parametrize("folder", ["src", "tests", "bench"])
def test_the_account_uses_nothing_of_the_product(folder: str) -> None:
    """Its code, its tests and its benches import no package of ours."""
    crossing = []
    packages = {*PRODUCT, "deploy"} - {"tests", "bench", "examples"}
    for path in sorted((ROOT / "embedded_account" / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) and not node.level else []
            crossing += [f"{path.relative_to(ROOT)}: {name}" for name in names if name.split(".")[0] in packages]

    assert crossing == []


_AWS_COMMANDS = f"""
import importlib, pkgutil, sys
from click.testing import CliRunner
import deploy
for module in pkgutil.walk_packages(["ops"], "ops."):
    if module.name != "ops.commands.local":
        importlib.import_module(module.name)
for arguments in (["status"], ["up", "--yes"], ["plan"], ["watch"], ["down", "--yes"], ["logs", "predict"], ["--help"]):
    CliRunner().invoke(deploy.cli, arguments)
print(sorted({OF_THE_ACCOUNT!r} & set(sys.modules)))
"""


@pytest.mark.slow
def test_commands_on_aws_import_nothing_of_the_account() -> None:
    """Every module of ops and every command without --local: no emulator, no psutil, not even the account's face."""
    environment = {"PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}

    done = subprocess.run(
        [sys.executable, "-c", _AWS_COMMANDS], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
