"""Works through things that depend on one another, several at a time."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import CycleError, TopologicalSorter

from embedded_account.cloudformation.errors import TemplateError

Dependencies = Mapping[str, Collection[str]]


def in_order(dependencies: Dependencies) -> list[str]:
    """Return the names so that each comes after what it depends on, otherwise as they were given.

    Raises:
        TemplateError: some depend on one another in a circle.
    """
    try:
        return list(_sorter(dependencies).static_order())
    except CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise TemplateError(f"Circular dependency between resources: [{circle}]") from error


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
    sorter, failed = _sorter(dependencies), set[str]()
    sorter.prepare()
    running: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(num_workers, thread_name_prefix="stack") as pool:
        while True:
            if not (failed and stop_on_failure):
                running |= {pool.submit(work, name): name for name in sorter.get_ready()}
            if not running:
                return failed
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                if future.result():
                    sorter.done(name)
                else:
                    failed.add(name)


def _sorter(dependencies: Dependencies) -> TopologicalSorter[str]:
    """Return a sorter of the names; what they depend on besides is there already."""
    return TopologicalSorter({name: set(needed) & set(dependencies) for name, needed in dependencies.items()})
