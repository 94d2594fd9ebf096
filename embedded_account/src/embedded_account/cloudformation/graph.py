"""Works through things that depend on one another, several at a time."""

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from embedded_account.cloudformation.errors import TemplateError

Dependencies = Mapping[str, Collection[str]]


def in_order(dependencies: Dependencies) -> list[str]:
    """Return the names so that each comes after what it depends on, otherwise as they were given.

    Raises:
        TemplateError: some depend on one another in a circle.
    """
    ordered: dict[str, None] = {}
    remaining = dict(dependencies)
    while remaining:
        ready = [name for name, needed in remaining.items() if not set(needed) & set(remaining)]
        if not ready:
            raise TemplateError(f"Circular dependency between resources: [{', '.join(sorted(_circle(remaining)))}]")
        for name in ready:
            ordered[name] = None
            del remaining[name]
    return list(ordered)


def reverse(dependencies: Dependencies) -> dict[str, set[str]]:
    """Return what depends on each name."""
    return {name: {other for other, needed in dependencies.items() if name in needed} for name in dependencies}


def run(
    dependencies: Dependencies, work: Callable[[str], bool], *, num_workers: int, stop_on_failure: bool = True
) -> set[str]:
    """Call `work(name)` for each name once its dependencies succeeded; return the names whose work returned False.

    What depends on a failure is never begun. With `stop_on_failure` nothing new is begun after the first one, but what
    is under way ends.
    """
    remaining, failed = dict(dependencies), set[str]()
    running: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(num_workers, thread_name_prefix="stack") as pool:
        while remaining or running:
            if not (failed and stop_on_failure):
                for name in _ready(remaining, running.values(), failed):
                    del remaining[name]
                    running[pool.submit(work, name)] = name
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                if not future.result():
                    failed.add(name)
    return failed


def _ready(remaining: Dependencies, running: Iterable[str], failed: set[str]) -> list[str]:
    blocked = set(remaining) | set(running) | failed
    return [name for name, needed in remaining.items() if not blocked & set(needed)]


def _circle(remaining: Dependencies) -> set[str]:
    """Return the names that lie on a circle, without those that only depend on one."""
    needed_by = reverse(remaining)
    left = set(remaining)
    while unneeded := {name for name in left if not needed_by[name] & left}:
        left -= unneeded
    return left
