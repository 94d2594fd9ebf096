"""How cores are lent."""

from threading import Event, Thread

from embedded_account.sagemaker.training.cores import Cores


def test_cores_are_lent_in_order() -> None:
    """A job that needs all cores is not passed by one that needs a single one."""
    cores = Cores(2)
    order: list[str] = []
    waiting = Event()

    def take(name: str, num: int) -> None:
        waiting.set()
        with cores.lent(num, lambda: False):
            order.append(name)

    with cores.lent(1, lambda: False):
        big = Thread(target=take, args=("big", 2))
        big.start()
        waiting.wait(5)
        while not cores._queue:  # until the big one stands in line
            pass
        small = Thread(target=take, args=("small", 1))
        small.start()
        small.join(0.3)
        assert order == []
    big.join(5)
    small.join(5)

    assert order == ["big", "small"]


def test_more_than_there_is_means_all() -> None:
    """A job is not kept waiting for cores that the machine does not have."""
    with Cores(2).lent(64, lambda: False) as held:
        assert held


def test_waiting_ends_when_given_up() -> None:
    """One that gives up gets nothing and blocks nobody."""
    cores = Cores(1)

    with cores.lent(1, lambda: False), cores.lent(1, lambda: True) as held:
        assert not held

    with cores.lent(1, lambda: False) as held:
        assert held
