"""Runs a notebook's cells one after the other, as a kernel would: prints each cell's value, and can write it down.

python notebooks.py NOTEBOOK          # in the folder in which it is to run
python notebooks.py NOTEBOOK --write  # and put what the cells gave into the notebook
"""

import ast
import json
import sys
from pathlib import Path
from typing import Any


def main(path: Path, *, writes: bool) -> None:
    """Run every code cell of the notebook at `path`; whatever one raises ends the run."""
    notebook = json.loads(path.read_text())
    namespace: dict[str, Any] = {"__name__": "__main__"}
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(codes, 1):
        value = _run("".join(cell["source"]), f"cell {number}", namespace)
        cell["execution_count"] = number
        cell["outputs"] = [] if value is None else [_output(number, value)]
        sys.stdout.write(f"cell {number}: {value!r}\n")
    if writes:
        path.write_text(json.dumps(notebook, indent=1) + "\n")


def _run(source: str, name: str, namespace: dict[str, Any]) -> Any:
    """Run a cell; return the value of its last line, where that is an expression."""
    tree = ast.parse(source, name)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        del tree.body[-1]
    exec(compile(tree, name, "exec"), namespace)  # noqa: S102 (the cells of our own notebook)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), name, "eval"), namespace)  # noqa: S307


def _output(number: int, value: Any) -> dict[str, Any]:
    text = {"text/plain": [repr(value)]}
    return {"data": text, "execution_count": number, "metadata": {}, "output_type": "execute_result"}


if __name__ == "__main__":
    main(Path(sys.argv[1]), writes="--write" in sys.argv)
