"""SQS on the account's clock: messages are hidden, delayed and forgotten when their time on it is over."""

from moto.sqs import models

from embedded_account.clock import Clock
from embedded_account.wiring.replacement import replace


def install(clock: Clock) -> None:
    """Give moto's queues the clock."""
    replace(models, "unix_time", lambda dt=None: clock.time(), parameters=("dt",))
    replace(models, "unix_time_millis", lambda dt=None: clock.time() * 1000, parameters=("dt",))
