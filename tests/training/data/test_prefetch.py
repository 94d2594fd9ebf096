"""Items made ahead of time."""

import threading
from collections.abc import Iterator

import pytest

from training.data.prefetch import prefetched


def test_items_come_in_order() -> None:
    """Being early changes nothing."""
    assert list(prefetched(iter(range(100)))) == list(range(100))


def test_next_item_is_made_while_one_is_used() -> None:
    """The reader has not asked for the second item when it is there already."""
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    reader = prefetched(items())
    assert next(reader) == 1
    assert made.wait(timeout=10)
    assert list(reader) == [2]


def test_error_arises_where_the_item_would_have_come() -> None:
    """What came before it is still used."""

    def items() -> Iterator[int]:
        yield 1
        raise OSError("disk is gone")

    reader = prefetched(items())
    assert next(reader) == 1
    with pytest.raises(OSError, match="disk is gone"):
        next(reader)


def test_thread_ends_with_a_reader_that_stops_early() -> None:
    """A job that is told to stop leaves no thread behind."""
    reader = prefetched(iter(range(1000)))
    next(reader)

    reader.close()  # type: ignore[attr-defined]

    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]
