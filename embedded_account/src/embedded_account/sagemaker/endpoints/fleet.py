"""The instances of one production variant: started, routed to, resized, replaced when they die, drained."""

import os
import random
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Condition

from embedded_account.account import Account
from embedded_account.faults.delays import Delays
from embedded_account.sagemaker.endpoints.instance import EndpointInstance, InstanceFailedError, Launch

_DELAY = "delay-instances"
_DRAIN_SECONDS = 60.0
_WRONG_ARCHITECTURE = "exec /usr/local/bin/dockerd-entrypoint.py: exec format error"
_PING_INTERVAL_SECONDS = 10.0
_MAX_FAILED_PINGS = 3
_MAX_RESTART_DELAY_SECONDS = 30.0


class NoInstanceError(Exception):
    """No instance of the fleet can take a request now. `saturated` says that they run, all with full queues."""

    def __init__(self, *, saturated: bool) -> None:
        super().__init__("all instances are saturated" if saturated else "no instance runs")
        self.saturated = saturated


class Fleet:
    """The instances of a variant. `desired_count` is what was asked for; `current_count` what answers now."""

    def __init__(self, account: Account, launch: Launch) -> None:
        self.launch = launch
        self.desired_count = 0
        self._account = account
        self._delays = account.singleton(Delays)
        self._changed = Condition()
        self._instances: list[EndpointInstance] = []
        self._closed = False
        self._num_deaths = 0
        self._replacing = False
        self._resizing = False

    @property
    def current_count(self) -> int:
        """Return how many instances take requests."""
        with self._changed:
            return sum(1 for instance in self._instances if not instance.draining)

    @property
    def instances(self) -> list[EndpointInstance]:
        """Return the instances that take requests."""
        with self._changed:
            return [instance for instance in self._instances if not instance.draining]

    def resize(self, count: int) -> None:
        """Bring the fleet to `count` instances: returns when the added ones answer, or the extra ones are drained.

        Raises:
            InstanceFailedError: an added instance did not start; the fleet keeps what it had.
        """
        with self._changed:
            before, self.desired_count = self.desired_count, count
            missing = count - len([instance for instance in self._instances if not instance.draining])
            self._resizing = True
        try:
            self._add(missing)
        except InstanceFailedError:
            self.desired_count = before
            raise
        finally:
            self._resizing = False
        self._remove_surplus()

    def acquire(self) -> EndpointInstance:
        """Return the instance with the fewest requests outstanding, one more counted; pass it to `release`.

        Raises:
            NoInstanceError: none runs, or each has its queue full.
        """
        with self._changed:
            running = [one for one in self._instances if not one.draining and not one.gone]
            open_ones = [one for one in running if one.outstanding < one.max_outstanding]
            if not open_ones:
                raise NoInstanceError(saturated=bool(running))
            fewest = min(one.outstanding for one in open_ones)
            chosen = random.choice([one for one in open_ones if one.outstanding == fewest])  # noqa: S311 (routing)
            chosen.outstanding += 1
            return chosen

    def release(self, instance: EndpointInstance) -> None:
        """Count one request of `instance` as done."""
        with self._changed:
            instance.outstanding -= 1
            self._changed.notify_all()

    def check(self) -> None:
        """Replace instances whose process has ended or that answer no ping; called several times a second."""
        for instance in self.instances:
            if instance.alive and not instance.gone and self._answers(instance):
                continue
            instance.log(f"instance {instance.id} does not answer any more; a new one takes its place")
            self._discard(instance)
            self._num_deaths += 1
        is_short = self._num_deaths > 0 and self.current_count < self.desired_count
        if is_short and not (self._closed or self._replacing or self._resizing):
            self._replacing = True
            self._account.start_thread(f"replacement in {self.launch.endpoint_name}", self._replace)

    def close(self, drain_seconds: float = _DRAIN_SECONDS) -> None:
        """Take no more requests, let those under way end within `drain_seconds`, and end every instance."""
        with self._changed:
            self._closed = True
            self.desired_count = 0
            count = len(self._instances)
        self._remove(count, drain_seconds)

    def _add(self, count: int) -> None:
        if count <= 0:
            return
        self._delays.begin(_DELAY, self.launch.endpoint_name)
        self._delays.wait(_DELAY, self.launch.endpoint_name, self._account.stopping)
        if not self.launch.runs_image:
            stream = f"{self.launch.variant_name}/i-0{secrets.token_hex(8)}"
            self._account.write_log(self.launch.log_group, stream, [_WRONG_ARCHITECTURE])
            raise InstanceFailedError(f"instance type {self.launch.instance_type!r}")
        num_threads = max(1, (os.cpu_count() or 1) // max(1, self.desired_count))
        added = [EndpointInstance(self._account, self.launch, num_threads) for _ in range(count)]
        with ThreadPoolExecutor(count) as pool:
            outcomes = list(pool.map(_ready, added))
        with self._changed:
            keep = all(outcomes) and not self._closed
            if keep:
                self._instances += added
        if not keep:
            for instance in added:
                instance.end()
            raise InstanceFailedError(f"variant {self.launch.variant_name!r}")

    def _remove(self, count: int, drain_seconds: float = _DRAIN_SECONDS) -> None:
        if count <= 0:
            return
        with self._changed:
            running = [instance for instance in self._instances if not instance.draining]
            leaving = sorted(running, key=lambda instance: instance.outstanding)[:count]
            for instance in leaving:
                instance.draining = True
            self._changed.wait_for(lambda: not any(one.outstanding for one in leaving), drain_seconds)
            self._instances = [instance for instance in self._instances if instance not in leaving]
        for instance in leaving:
            instance.end()

    def _remove_surplus(self) -> None:
        """Remove what is above the desired count: a resize, or it and a replacement that filled the same gap."""
        self._remove(self.current_count - self.desired_count)

    def _replace(self) -> None:
        delay = min(_MAX_RESTART_DELAY_SECONDS, 0.1 * 2.0 ** min(self._num_deaths - 1, 10))
        try:
            if self._account.stopping.wait(delay):
                return
            with suppress(InstanceFailedError):
                self._add(self.desired_count - self.current_count)
            self._remove_surplus()
        finally:
            self._replacing = False
            self._num_deaths += 1 if self.current_count < self.desired_count else 0

    def _discard(self, instance: EndpointInstance) -> None:
        with self._changed:
            self._instances = [one for one in self._instances if one is not instance]
            instance.draining = True
        instance.end()

    def _answers(self, instance: EndpointInstance) -> bool:
        if time.monotonic() - instance.pinged_at < _PING_INTERVAL_SECONDS:
            return True
        instance.failed_pings = 0 if instance.ping() else instance.failed_pings + 1
        return instance.failed_pings < _MAX_FAILED_PINGS


def _ready(instance: EndpointInstance) -> bool:
    try:
        instance.wait_until_ready()
    except InstanceFailedError:
        return False
    return True
