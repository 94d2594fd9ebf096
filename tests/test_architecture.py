"""docs/architecture.svg shows the folders that are there and the imports between them, no more and no fewer."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = (ROOT / "docs" / "architecture.svg").read_text()
PARTS = ["deploy.py", "ops", "handlers", "datasets", "training", "inference", "reports", "statemachine"]
ACCOUNT = "embedded_account"


def test_the_picture_has_every_folder():
    """A folder that is new, or gone, changes the picture."""
    tracked = subprocess.run(
        [shutil.which("git") or "git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    folders = {path.partition("/")[0] for path in tracked.splitlines() if "/" in path}
    drawn = set(re.findall(r'class="name"[^>]*>([^<]+)<', PICTURE))

    assert drawn - {"deploy.py", "template.yaml"} == {f"{name}/" for name in folders if not name.startswith(".")}


def test_the_arrows_are_the_imports():
    """Each import from one part to another has its arrow, and each arrow an import."""
    arrows = set(re.findall(r'data-from="([^"]+)" data-to="([^"]+)"', PICTURE))

    assert arrows == {(part, other) for part in [*PARTS, ACCOUNT] for other in _imported(part) if other != part}


def test_the_page_names_what_the_picture_shows():
    """Each part has a line that says what it is and where it runs."""
    page = (ROOT / "docs" / "architecture.md").read_text()

    assert [part for part in PARTS if f"`{part.removesuffix('/')}" not in page] == []


def _imported(part: str) -> set[str]:
    place = ROOT / ("embedded_account/src" if part == ACCOUNT else part)
    files = [place] if place.is_file() else place.rglob("*.py")
    roots = {name.partition(".")[0] for file in files for name in _modules(ast.parse(file.read_text()))}
    return roots & {*PARTS, ACCOUNT}


def _modules(tree: ast.AST) -> list[str]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return names + [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
