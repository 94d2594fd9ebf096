"""What docs/operating.md says that each command costs, held to the prices and to the command line."""

import re
from pathlib import Path

import pytest

from deploy import cli
from ops.costs.billed import REQUEST_DOLLARS
from ops.prices import items, table
from ops.prices.words import money

_PAGE = Path(__file__).resolve().parents[3] / "docs/operating.md"
_ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in _PAGE.read_text().partition("### What each command costs")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| `")
]
_MINUTE = 1 / 60


def _dollars(item: items.Item, quantity: float) -> str:
    price = table.dollars(item, table.REGION)
    assert price is not None
    return money(price * quantity)


def _row(command: str) -> tuple[str, ...]:
    (row,) = (row for row in _ROWS if row[0].startswith(f"`{command}`"))
    return row


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("measure", _dollars(items.hosting("ml.m5.large"), 10 * _MINUTE)),
        ("rollback", _dollars(items.hosting("ml.m5.large"), 10 * _MINUTE)),
        ("compare-training", f"{_dollars(items.training('ml.m5.xlarge'), 5 * _MINUTE)} each"),
        ("compare-training", f"at most {_dollars(items.training('ml.m5.xlarge'), 1)}"),
        ("costs", money(REQUEST_DOLLARS + 50 * 1e-5)),
        ("load", _dollars(items.GB_SECOND, 0.1 * 10_000)),
        ("predict", _dollars(items.GB_SECOND, 0.1)),
    ],
)
def test_dollars_are_those_of_the_prices(command: str, expected: str) -> None:
    """Each is a quantity that the row names times the price of the table."""
    assert expected in _row(command)[2]


def test_every_command_has_its_cost() -> None:
    """A new command is told here too; those that act on this machine alone are not."""
    told = {name.split()[0] for row in _ROWS for name in re.findall(r"`([a-z-]+(?: [a-z]+)?)`", row[0])}

    assert set(cli.commands) - {"local", "reject"} == told
