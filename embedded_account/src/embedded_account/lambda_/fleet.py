"""Which execution environments there are, and who may use one: the concurrency rules of Lambda."""

import logging
from collections import defaultdict
from dataclasses import replace
from functools import partial
from threading import Condition
from typing import cast

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.environment import Environment, EnvironmentSpec
from embedded_account.lambda_.failures import EnvironmentLostError, InitError
from embedded_account.lambda_.leases import Fleet, Lease, Provisioned
from embedded_account.lambda_.packages import Packages
from embedded_account.quotas.limits import CONCURRENCY
from embedded_account.quotas.quotas import Quotas

logger = logging.getLogger("embedded_account.lambda")

_MIN_UNRESERVED = 100  # or all that there is, in an account with less
IDLE_SECONDS = 600.0
_CREDENTIALS_MARGIN_SECONDS = 1_800.0

ON_DEMAND = "on-demand"
PROVISIONED = "provisioned-concurrency"


class ThrottledError(ServiceError):
    """Refuses an invocation for which there is no concurrency left; `Reason` says whose limit it was."""

    def __init__(self, reason: str) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")
        self.Reason = reason
        self.Type = "User"
        self.retryAfterSeconds = "1"


class Fleets:
    """All environments of the account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._packages = account.singleton(Packages)
        self._quotas = account.singleton(Quotas)
        self._changed = Condition()
        self._fleets: dict[str, Fleet] = defaultdict(Fleet)
        self._retired: set[str] = set()
        account.persist("lambda-concurrency", self._dump, self._restore)
        account.every("lambda idle environments", IDLE_SECONDS / 10, self._end_idle)

    def _started(self, spec: EnvironmentSpec, initialization: str) -> Environment:
        return Environment.start(self._account, spec, self._packages.runtime(), initialization)

    # -- invocations --------------------------------------------------------------------------------------------

    def _dump(self) -> dict[str, tuple[int | None, dict[str, int]]]:
        """Return each function's reserved concurrency and what is provisioned of it, by qualifier."""
        with self._changed:
            return {
                name: (fleet.reserved, {config.qualifier: config.requested for config in fleet.provisioned.values()})
                for name, fleet in self._fleets.items()
            }

    def _restore(self, kept: dict[str, tuple[int | None, dict[str, int]]]) -> None:
        """Reserve again what was reserved; environments are provisioned once the account answers."""
        for name, (reserved, provisioned) in kept.items():
            self._fleets[name].reserved = reserved
            for qualifier, requested in provisioned.items():
                self._account.after_restore.append(
                    partial(
                        self._account.client("lambda").put_provisioned_concurrency_config,
                        FunctionName=name,
                        Qualifier=qualifier,
                        ProvisionedConcurrentExecutions=requested,
                    )
                )

    def acquire(self, spec: EnvironmentSpec, qualifier: str) -> Lease:
        """Return an environment for one invocation: provisioned, then warm, then a new one.

        Raises:
            ThrottledError: the function's or the account's concurrency is used up.
            InitError: a new environment was needed and could not be started.
        """
        with self._changed:
            fleet = self._fleets[spec.function_name]
            config = fleet.provisioned.get(qualifier)
            if config and config.idle and config.spec.revision == spec.revision:
                config.num_busy += 1
                return self._lease(spec, fleet, config, config, config.idle.pop())
            self._admit(fleet)
            fleet.busy[spec.revision] += 1
            counted = self._lease(spec, fleet, config, None, None)
            environment = self._take_warm(fleet, spec.revision)
        try:
            environment = environment or self._started(spec, ON_DEMAND)
        except BaseException:
            self._leave(fleet, spec.revision)
            raise
        return replace(counted, environment=environment)

    def release(self, lease: Lease) -> None:
        """Take the environment back; one that is broken or out of date is ended."""
        environment = lease.environment
        with self._changed:
            fleet = self._fleets[lease.function_name]
            keep = environment.healthy and not self._is_outdated(environment)
            if lease.provisioned:
                lease.provisioned.num_busy -= 1
                keep = keep and not lease.provisioned.ended
                if keep:
                    lease.provisioned.idle.append(environment)
            else:
                fleet.busy[environment.spec.revision] -= 1
                if keep:
                    fleet.idle[environment.spec.revision].append(environment)
            self._changed.notify_all()
        if not keep:
            environment.end()
            if lease.provisioned and not lease.provisioned.ended:
                self.refill(lease.provisioned)

    # -- settings of a function ---------------------------------------------------------------------------------

    def fleet(self, function_name: str) -> Fleet:
        """Return the fleet of a function, to read."""
        return self._fleets[function_name]

    def reserve(self, function_name: str, reserved: int | None) -> None:
        """Set or remove a function's reserved concurrency.

        Raises:
            ServiceError: less than 100 would be left for functions without a reservation, or it is below what the
                function has provisioned.
        """
        with self._changed:
            fleet = self._fleets[function_name]
            if reserved is not None and reserved < fleet.num_provisioned:
                raise ServiceError(
                    "InvalidParameterValueException",
                    f" ReservedConcurrentExecutions  {reserved} should not be lower than function's"
                    f" total provisioned concurrency [{fleet.num_provisioned}].",
                )
            others = sum(other.reserved or 0 for other in self._fleets.values() if other is not fleet)
            if reserved and self.account_limit - others - reserved < self._min_unreserved:
                raise ServiceError(
                    "InvalidParameterValueException",
                    "Specified ReservedConcurrentExecutions for function decreases account's"
                    f" UnreservedConcurrentExecution below its minimum value of [{self._min_unreserved}].",
                )
            fleet.reserved = reserved

    @property
    def account_limit(self) -> int:
        """How many invocations run at one time in the whole account."""
        return int(self._quotas.get(CONCURRENCY).value)

    @property
    def _min_unreserved(self) -> int:
        return min(_MIN_UNRESERVED, self.account_limit)

    def num_unreserved(self) -> int:
        """Return how much concurrency is left for functions without a reservation."""
        return self.account_limit - sum(fleet.reserved or 0 for fleet in list(self._fleets.values()))

    def provision(self, spec: EnvironmentSpec, qualifier: str, requested: int) -> Provisioned:
        """Keep `requested` environments started for `qualifier`; they start in the background.

        Raises:
            ServiceError: it is more than the function's reserved concurrency, or than the account has left.
        """
        with self._changed:
            fleet = self._fleets[spec.function_name]
            previous = fleet.provisioned.get(qualifier)
            total = fleet.num_provisioned - (previous.requested if previous else 0) + requested
            if fleet.reserved is not None and total > fleet.reserved:
                raise ServiceError(
                    "InvalidParameterValueException",
                    "Requested Provisioned Concurrency should not be greater than the"
                    " reservedConcurrentExecution for function",
                )
            if fleet.reserved is None and total > self.num_unreserved() - self._min_unreserved:
                raise ServiceError(
                    "InvalidParameterValueException",
                    f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency"
                    f" [{self.num_unreserved() - self._min_unreserved}].",
                )
            config = Provisioned(qualifier, requested, spec, self._account.clock.now())
            fleet.provisioned[qualifier] = config
            surplus = self._end_config(previous) if previous else []
            if previous and previous.spec.revision == spec.revision:
                config.idle, surplus = surplus[:requested], surplus[requested:]
        self._end_all(surplus)
        self.refill(config)
        return config

    def unprovision(self, function_name: str, qualifier: str) -> None:
        """End the provisioned environments of `qualifier`."""
        with self._changed:
            config = self._fleets[function_name].provisioned.pop(qualifier, None)
            surplus = self._end_config(config) if config else []
        self._end_all(surplus)

    def refill(self, config: Provisioned) -> None:
        """Start, in the background, the environments that `config` lacks."""
        with self._changed:
            missing = config.requested - config.num_allocated
            config.status = "IN_PROGRESS" if missing else "READY"
        if missing:
            self._account.start_thread(f"lambda provisioned {config.spec.function_name}", lambda: self._fill(config))

    def warm_up(self, spec: EnvironmentSpec) -> None:
        """Start one environment ahead of the first invocation, unless there is one; an invocation waits for it."""
        with self._changed:
            fleet = self._fleets[spec.function_name]
            revision = spec.revision
            if revision in self._retired or fleet.idle[revision] or fleet.starting[revision] or fleet.busy[revision]:
                return
            fleet.starting[spec.revision] += 1
        environment = None
        try:
            environment = self._started(spec, ON_DEMAND)
        except InitError:
            logger.info("function %s cannot be initialised; its log says why", spec.function_name)
        finally:
            with self._changed:
                fleet.starting[spec.revision] -= 1
                keep = environment is not None and not self._is_outdated(environment)
                if environment and keep:
                    fleet.idle[spec.revision].append(environment)
                self._changed.notify_all()
            if environment and not keep:
                environment.end()

    def retire(self, function_name: str, revision: str) -> None:
        """End the environments of a revision that nothing will ask for again; busy ones end after their invocation."""
        with self._changed:
            self._retired.add(revision)
            surplus = self._fleets[function_name].idle.pop(revision, [])
        self._end_all(surplus)

    def remove(self, function_name: str, revisions: set[str]) -> None:
        """End all of a deleted function, which had these `revisions`."""
        with self._changed:
            fleet = self._fleets[function_name]
            fleet.reserved = None
            surplus = [environment for config in fleet.provisioned.values() for environment in self._end_config(config)]
            fleet.provisioned.clear()
            surplus += [environment for pool in fleet.idle.values() for environment in pool]
            self._retired.update(revisions)
            fleet.idle.clear()
        self._end_all(surplus)

    # -- inside -------------------------------------------------------------------------------------------------

    def _lease(
        self,
        spec: EnvironmentSpec,
        fleet: Fleet,
        config: Provisioned | None,
        taken: Provisioned | None,
        environment: Environment | None,
    ) -> Lease:
        """Return the lease with what is counted for metrics; its environment may come later."""
        unreserved = 0
        if fleet.reserved is None:
            unreserved = sum(other.on_demand_busy for other in self._fleets.values() if other.reserved is None)
        requested, in_use = (config.requested, config.num_busy) if config else (0, 0)
        return Lease(
            spec.function_name, cast(Environment, environment), taken, fleet.num_busy, requested, in_use, unreserved
        )

    def _admit(self, fleet: Fleet) -> None:
        if fleet.reserved is not None:
            if fleet.on_demand_busy >= fleet.reserved - fleet.num_provisioned:
                raise ThrottledError("ReservedFunctionConcurrentInvocationLimitExceeded")
            return
        unreserved = [other for other in self._fleets.values() if other.reserved is None]
        provisioned = sum(other.num_provisioned for other in unreserved)
        if sum(other.on_demand_busy for other in unreserved) >= self.num_unreserved() - provisioned:
            raise ThrottledError("ConcurrentInvocationLimitExceeded")

    def _take_warm(self, fleet: Fleet, revision: str) -> Environment | None:
        """Return an idle environment; one that is just being started ahead is waited for."""
        while not fleet.idle[revision] and fleet.starting[revision]:
            self._changed.wait(1.0)
        idle = fleet.idle[revision]
        return idle.pop() if idle else None

    def _leave(self, fleet: Fleet, revision: str) -> None:
        with self._changed:
            fleet.busy[revision] -= 1
            self._changed.notify_all()

    def _is_outdated(self, environment: Environment) -> bool:
        ends_soon = environment.expires_at - _CREDENTIALS_MARGIN_SECONDS < self._account.clock.time()
        return ends_soon or environment.spec.revision in self._retired or self._account.stopping.is_set()

    def _fill(self, config: Provisioned) -> None:
        while True:
            with self._changed:
                if config.ended or config.num_allocated >= config.requested:
                    config.status = "READY" if config.num_allocated >= config.requested else config.status
                    self._changed.notify_all()
                    return
            try:
                environment = self._started(config.spec, PROVISIONED)
            except (InitError, EnvironmentLostError):
                with self._changed:
                    config.status, config.reason = "FAILED", "FUNCTION_ERROR_INIT_FAILURE"
                return
            with self._changed:
                kept = not config.ended
                if kept:
                    config.idle.append(environment)
            if not kept:
                environment.end()

    @staticmethod
    def _end_config(config: Provisioned) -> list[Environment]:
        config.ended = True
        idle, config.idle = config.idle, []
        return idle

    @staticmethod
    def _end_all(environments: list[Environment]) -> None:
        for environment in environments:
            environment.end()

    def _end_idle(self) -> None:
        """End what has waited for too long, or holds credentials that run out."""
        oldest = self._account.clock.time() - IDLE_SECONDS
        surplus: list[Environment] = []
        refill: list[Provisioned] = []
        with self._changed:
            for fleet in self._fleets.values():
                for revision, pool in list(fleet.idle.items()):
                    stale = [one for one in pool if one.last_used < oldest or self._is_outdated(one)]
                    fleet.idle[revision] = [one for one in pool if one not in stale]
                    surplus += stale
                for config in fleet.provisioned.values():
                    stale = [one for one in config.idle if self._is_outdated(one)]
                    config.idle = [one for one in config.idle if one not in stale]
                    surplus += stale
                    refill += [config] if stale else []
        self._end_all(surplus)
        for config in refill:
            self.refill(config)
