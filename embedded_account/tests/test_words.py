"""The account is nobody's in particular: no word of a product that uses it stands in it."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_FOREIGN = re.compile(r"retriever|(?<!\w)deploy\.py|docs/local\.md", re.IGNORECASE)


@pytest.mark.parametrize("folder", ["src", "docs", "bench", "examples", "tests"])
def test_no_word_of_a_product_is_in(folder: str) -> None:
    """No name, header, variable, path or command of one; what a stranger reads speaks of the account alone."""
    files = [path for path in sorted((_ROOT / folder).rglob("*")) if path.suffix in {".py", ".md", ".json", ".yaml"}]
    assert files

    places = [
        f"{path.relative_to(_ROOT)}:{number}: {line.strip()}"
        for path in files
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _FOREIGN.search(line)
    ]

    assert places == []


def test_its_own_pages_are_free_of_them_too() -> None:
    """README, changelog and settings."""
    for name in ("README.md", "CHANGELOG.md", "pyproject.toml"):
        assert not _FOREIGN.search((_ROOT / name).read_text(encoding="utf-8")), name
