"""datasets/ goes into every package that is built, so it may need nothing that is not there."""

import ast
import sys
from pathlib import Path

import pytest

import datasets

_FILES = sorted(Path(datasets.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_only_the_standard_library_is_imported(path: Path) -> None:
    """And the package itself."""
    trees = ast.walk(ast.parse(path.read_text()))
    names = {
        name.split(".")[0]
        for node in trees
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert names <= {*sys.stdlib_module_names, "datasets"}
