"""Prices come from AWS's list, from what it said before, or from the table, and say which."""

from datetime import date
from pathlib import Path

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError

from ops.prices import book, items, table
from ops.prices.items import Item

_TODAY = date(2026, 11, 30)
_TRAINING, _HOSTING = items.training("ml.m5.xlarge"), items.hosting("ml.m5.large")


class _List:
    """A price list that knows some items, and counts what it is asked."""

    def __init__(self, **dollars: float) -> None:
        self.dollars, self.asked = dollars, 0

    def __call__(self, item: Item) -> float | None:
        self.asked += 1
        return self.dollars.get(item.name.partition(" ")[0])


def _denied(_item: Item) -> float | None:
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetProducts")


def test_a_listed_price_is_kept_with_its_date(tmp_path: Path) -> None:
    """Within a week the list is not asked again; after it, it is."""
    path, listed = tmp_path / "eu-west-1.json", _List(training=0.256, hosting=0.128)

    book.gather("eu-west-1", [_TRAINING, _HOSTING], listed, path, _TODAY)
    prices = book.gather("eu-west-1", [_TRAINING, _HOSTING], listed, path, date(2026, 12, 6))
    asked_within = listed.asked
    book.gather("eu-west-1", [_TRAINING, _HOSTING], listed, path, date(2026, 12, 7))

    assert (prices.dollars(_TRAINING), prices.dollars(_HOSTING)) == (0.256, 0.128)
    assert prices.words(_TRAINING) == "prices of 2026-11-30 for eu-west-1, on demand, from AWS's price list"
    assert (asked_within, listed.asked) == (2, 4)


def test_a_refusal_falls_back_and_says_so(tmp_path: Path) -> None:
    """Whoever may not ask gets the table's price with its date, its region and the permission that is missing."""
    prices = book.gather("us-east-1", [_TRAINING, _HOSTING], _denied, tmp_path / "none.json", _TODAY)

    assert prices.dollars(_TRAINING) == 0.23
    assert prices.words(_TRAINING) == (
        "prices of 2025 for us-east-1, on demand, from this version's table; AWS's price list did not answer (not "
        "allowed to ask: it takes pricing:GetProducts)"
    )


def test_an_older_answer_comes_before_the_table(tmp_path: Path) -> None:
    """What the list said in January is better than what the table says, and carries its date."""
    path = tmp_path / "eu-west-1.json"
    book.gather("eu-west-1", [_TRAINING], _List(training=0.251), path, date(2026, 1, 5))

    prices = book.gather("eu-west-1", [_TRAINING], _denied, path, _TODAY)

    assert prices.dollars(_TRAINING) == 0.251
    assert prices.words(_TRAINING).startswith("prices of 2026-01-05 for eu-west-1")


def test_what_the_list_lacks_is_of_the_table(tmp_path: Path) -> None:
    """Both sources are named, and an instance that neither knows has no price."""
    prices = book.gather("eu-west-1", [_TRAINING, _HOSTING], _List(training=0.256), tmp_path / "p.json", _TODAY)

    assert prices.dollars(_HOSTING) == pytest.approx(0.128, abs=0.001)
    assert "from AWS's price list; prices of 2025 for us-east-1" in prices.words(_TRAINING, _HOSTING)
    assert prices.dollars(items.training("ml.x9.huge")) is None


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"training ml.m5.xlarge": {"dollars": "x", "date": "y"}}'])
def test_a_damaged_file_is_as_none(text: str, tmp_path: Path) -> None:
    """What cannot be read is asked for anew, and written over."""
    path = tmp_path / "us-east-1.json"
    path.write_text(text)

    assert book.gather("us-east-1", [_TRAINING], _List(training=0.2), path, _TODAY).dollars(_TRAINING) == 0.2


@pytest.mark.parametrize("region", Session().get_available_regions("sagemaker"))
def test_every_region_has_a_price_and_its_words(region: str) -> None:
    """A region that the table does not know is told us-east-1's price as that, never as its own."""
    price = table.dollars(_HOSTING, region)

    assert price is not None
    assert price >= 0.115
    is_known = region == "us-east-1" or f"EC2's in {region}" in table.words(region)
    assert is_known or f"those of {region} are not known" in table.words(region)
