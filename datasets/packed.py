"""Columns of many rows in little memory: texts in one piece of bytes, names by number, and rows made as they are read.

An object for each of a million files takes a gigabyte; its text and a few numbers take a tenth of that.
"""

from abc import abstractmethod
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, overload

_Row_co = TypeVar("_Row_co", covariant=True)
_BUCKET = 65_536  # texts that are compared at once


class Texts:
    """Texts that are only added to, and read by their place or from first to last."""

    def __init__(self) -> None:
        self._bytes, self._ends = bytearray(), array("Q", [0])

    def append(self, text: str) -> None:
        self._bytes += text.encode(errors="surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, place: int) -> str:
        return self._bytes[self._ends[place] : self._ends[place + 1]].decode(errors="surrogatepass")

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self._ends[1:]:
            yield self._bytes[start:end].decode(errors="surrogatepass")
            start = end


class Names:
    """A column of few different texts, each kept once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.known: list[str] = []
        self.column = array("I")

    def number(self, name: str) -> int:
        """Return the number of a name, which is known from now on."""
        number = self._numbers.setdefault(name, len(self.known))
        if number == len(self.known):
            self.known.append(name)
        return number

    def append(self, name: str) -> None:
        self.column.append(self.number(name))

    def __getitem__(self, place: int) -> str:
        return self.known[self.column[place]]

    def counts(self) -> Counter[str]:
        """Return how often each name is there."""
        return Counter({self.known[number]: count for number, count in Counter(self.column).items()})


class Rows(Sequence[_Row_co]):
    """A sequence whose rows are made when they are asked for; it equals any sequence of the same rows."""

    @abstractmethod
    def row(self, place: int) -> _Row_co:
        """Return the row at a place from 0 on."""

    @overload
    def __getitem__(self, place: int) -> _Row_co: ...

    @overload
    def __getitem__(self, place: slice) -> list[_Row_co]: ...

    def __getitem__(self, place: int | slice) -> _Row_co | list[_Row_co]:
        places = range(len(self))[place]
        return self.row(places) if isinstance(places, int) else [self.row(each) for each in places]

    def __iter__(self) -> Iterator[_Row_co]:
        return map(self.row, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # it is added to


def first_equals(count: int, text: Callable[[int], str]) -> "array[int]":
    """Return for each place below `count` the first place with the same text; one without text is by itself.

    Texts are compared a part at a time, so that no more than a few thousand are in memory.
    """
    firsts = array("I", range(count))
    buckets = [array("I") for _ in range(count // _BUCKET + 1)]
    for place in range(count):
        if value := text(place):
            buckets[hash(value) % len(buckets)].append(place)
    for bucket in buckets:
        first: dict[str, int] = {}
        for place in bucket:
            firsts[place] = first.setdefault(text(place), place)
    return firsts
