"""The prices of a region, from the best source that there is: AWS's list, the list of an earlier day, the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from ops.preflight.readings import UnansweredError, ask
from ops.prices import kept, price_list, table
from ops.prices.items import Item
from ops.prices.kept import Price
from ops.session import REPOSITORY, Session

FOLDER = REPOSITORY / "build" / "prices"
_FRESH_DAYS = 7
_AT_A_TIME = 4

Question = Callable[[Item], float | None]


@dataclass(frozen=True)
class Prices:
    """Prices in US dollars for one region; `reason` is why AWS's list did not give them today, "" where it did."""

    region: str
    listed: Mapping[str, Price]
    reason: str = ""
    source: str = "AWS's price list"

    def is_listed(self, item: Item) -> bool:
        """Tell whether AWS's own list has said what `item` costs."""
        return item.name in self.listed

    def dollars(self, item: Item) -> float | None:
        """Return what a unit of `item` costs, or None where nobody has said."""
        given = self.listed.get(item.name)
        return given.dollars if given else table.dollars(item, self.region)

    def words(self, *of: Item) -> str:
        """Return of which day, region and source the prices of these items are."""
        dates = sorted({self.listed[item.name].date for item in of if item.name in self.listed})
        parts = [f"prices of {dates[0]} for {self.region}, on demand, from {self.source}"] if dates else []
        if not all(item.name in self.listed for item in of):
            parts.append(table.words(self.region))
        return "; ".join([*parts, *([self.reason] if self.reason else [])])


def prices(session: Session, wanted: Iterable[Item], folder: Path = FOLDER) -> Prices:
    """Return the prices of what is wanted; AWS's list is asked for those that it gave longer ago than a week."""
    where = folder / f"{'local-' if session.is_local else ''}{session.region}.json"
    gathered = gather(session.region, wanted, price_list.question(session), where, datetime.now(UTC).date())
    return replace(gathered, source="the embedded account's list, which is short") if session.is_local else gathered


def gather(region: str, wanted: Iterable[Item], question: Question, path: Path, today: date) -> Prices:
    """Return the prices, and keep in `path` those that `question` has answered."""
    known = kept.read(path)
    due = [item for item in wanted if item.service_code and not _is_fresh(known.get(item.name), today)]
    answered, reason = _asked(due, question)
    listed = known | {name: Price(dollars, today.isoformat()) for name, dollars in answered.items()}
    if answered:
        kept.write(path, listed)
    return Prices(region, listed, reason)


def _is_fresh(price: Price | None, today: date) -> bool:
    try:
        return price is not None and (today - date.fromisoformat(price.date)).days < _FRESH_DAYS
    except ValueError:
        return False


def _asked(items: list[Item], question: Question) -> tuple[dict[str, float], str]:
    """Return what AWS's list says, by name, and why it says nothing; after one refusal nothing more is asked."""
    answered: dict[str, float] = {}
    if not items:
        return answered, ""
    first, *others = items
    try:
        answers = {first: ask(price_list.PERMISSION, lambda: question(first))}
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            answers |= zip(
                others, pool.map(lambda item: ask(price_list.PERMISSION, lambda: question(item)), others), strict=True
            )
    except UnansweredError as error:
        return answered, f"AWS's price list did not answer ({error})"
    return {item.name: dollars for item, dollars in answers.items() if dollars is not None}, ""
