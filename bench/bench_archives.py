"""What hostile archives cost: processor time and memory of reading each, the worst first.

python bench/bench_archives.py [functions|upload|training|output]
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
SHOWN = 12


def test_module(name: str) -> ModuleType:
    """Return a module of tests/datasets, where the archives are made."""
    sys.path.insert(0, str(ROOT))
    package = ModuleType("tests")
    package.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = package
    return importlib.import_module(f"tests.datasets.{name}")


def main(reader: str = "functions") -> None:
    hostile, readings = test_module("hostile"), test_module("readings")
    archives = {f"{one.name}{one.suffix}": one.make() for one in hostile.corpus()}
    with tempfile.TemporaryDirectory() as folder:
        read = readings.read_all(reader, archives, Path(folder))
    print(f"| archive ({len(archives)} in all, by {reader}) | bytes | s | MB more | outcome |")
    print("|---|---|---|---|---|")
    for name in sorted(read, key=lambda name: -read[name].seconds)[:SHOWN]:
        one = read[name]
        print(f"| {name} | {len(archives[name]):,} | {one.seconds:.2f} | {one.grown_bytes >> 20} | {one.outcome} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
