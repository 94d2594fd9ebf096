"""The next item is made in a thread while the last one is used."""

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")
AHEAD = 2  # a batch of 32 images of 224 pixels has 5 MB


def prefetched(items: Iterator[Item], ahead: int = AHEAD) -> Iterator[Item]:
    """Yield `items` in their order, made up to `ahead` early; an error arises where the item would have come.

    The thread ends when the reader stops early.
    """
    ready: queue.Queue[tuple[bool, Item | BaseException | None]] = queue.Queue(ahead)
    stopped = threading.Event()

    def put(more: bool, item: Item | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put((more, item), timeout=0.1)
            except queue.Full:
                continue
            break

    def make() -> None:
        try:
            for item in items:
                put(True, item)
                if stopped.is_set():
                    return
            put(False, None)
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            put(False, error)

    thread = threading.Thread(target=make, name="prefetch", daemon=True)
    thread.start()
    try:
        yield from _read(ready)
    finally:
        stopped.set()
        thread.join()


def _read(ready: "queue.Queue[tuple[bool, Item | BaseException | None]]") -> Iterator[Item]:
    while True:
        more, item = ready.get()
        if not more:
            if item is not None:
                raise item  # type: ignore[misc]
            return
        yield item  # type: ignore[misc]
