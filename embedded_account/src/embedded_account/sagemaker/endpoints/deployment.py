"""Blue/green updates of an endpoint: when traffic shifts, how long it bakes, and what rolls it back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.sagemaker.endpoints.endpoint import Endpoint, Green, Variant
from embedded_account.sagemaker.endpoints.instance import InstanceFailedError
from embedded_account.sagemaker.shared.resources import validation_error
from embedded_account.wiring.refusals import refuse

_ALARM_POLL_SECONDS = 10.0
_DEFAULT_MAX_SECONDS = 28_800


class RollBackError(Exception):
    """The update is undone; the message becomes the endpoint's FailureReason."""


@dataclass(frozen=True)
class Plan:
    """How an update shifts traffic; seconds are of the account's clock."""

    kind: str  # ALL_AT_ONCE, CANARY, LINEAR or ROLLING
    step: tuple[str, float] | None  # (INSTANCE_COUNT or CAPACITY_PERCENT, its value); of ROLLING, the batch
    wait_seconds: float
    termination_seconds: float
    max_seconds: float
    alarm_names: tuple[str, ...]
    rollback_step: tuple[str, float] | None = None  # the batch in which ROLLING goes back; None: all at once

    def shares(self, instance_count: int) -> Iterator[float]:
        """Yield the share of the traffic, 0..1, that the green fleet takes at each step; the last is 1."""
        first = self._step_share(instance_count)
        if self.kind == "LINEAR":
            num_steps = ceil(round(1 / first, 9))
            yield from (min(1.0, first * number) for number in range(1, num_steps))
        elif self.kind == "CANARY":
            yield first
        yield 1.0

    def _step_share(self, instance_count: int) -> float:
        if self.step is None:
            return 1.0
        unit, value = self.step
        return min(1.0, value / 100 if unit == "CAPACITY_PERCENT" else value / max(1, instance_count))


def plan(config: dict[str, Any] | None) -> Plan:
    """Return the plan of a DeploymentConfig; without one, all traffic shifts at once.

    Raises:
        ServiceError: a member that is not carried out here, or times and sizes that SageMaker refuses.
    """
    config = config or {}
    refuse("DeploymentConfig", config, {"BlueGreenUpdatePolicy", "RollingUpdatePolicy", "AutoRollbackConfiguration"})
    if config.get("RollingUpdatePolicy"):
        return _rolling_plan(config)
    policy = config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE"})
    made = Plan(
        routing["Type"],
        _step(routing),
        routing.get("WaitIntervalInSeconds", 0),
        policy.get("TerminationWaitInSeconds", 0),
        policy.get("MaximumExecutionTimeoutInSeconds", _DEFAULT_MAX_SECONDS),
        _alarm_names(config),
    )
    _check(made)
    return made


def _rolling_plan(config: dict[str, Any]) -> Plan:
    """Return the plan of a RollingUpdatePolicy.

    Source: SageMaker API reference, RollingUpdatePolicy: a batch is 5 to 50 % of the variant's instances.
    """
    if config.get("BlueGreenUpdatePolicy"):
        raise validation_error("DeploymentConfig takes BlueGreenUpdatePolicy or RollingUpdatePolicy, not both")
    policy = config["RollingUpdatePolicy"]
    batch, back = policy["MaximumBatchSize"], policy.get("RollbackMaximumBatchSize")
    if batch["Type"] == "CAPACITY_PERCENT" and not 5 <= batch["Value"] <= 50:
        raise validation_error(f"MaximumBatchSize of {batch['Value']} % of the capacity; it must be 5 to 50 %")
    return Plan(
        "ROLLING",
        (batch["Type"], batch["Value"]),
        policy["WaitIntervalInSeconds"],
        0,
        policy.get("MaximumExecutionTimeoutInSeconds", _DEFAULT_MAX_SECONDS),
        _alarm_names(config),
        (back["Type"], back["Value"]) if back else None,
    )


def _alarm_names(config: dict[str, Any]) -> tuple[str, ...]:
    return tuple(alarm["AlarmName"] for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", []))


def _step(routing: dict[str, Any]) -> tuple[str, float] | None:
    member = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(routing["Type"])
    if member is None:
        return None
    if member not in routing:
        raise validation_error(f"TrafficRoutingConfiguration of type {routing['Type']} needs {member}")
    return routing[member]["Type"], routing[member]["Value"]


def _check(made: Plan) -> None:
    if made.step and made.step[0] == "CAPACITY_PERCENT":
        low, high = (10, 50) if made.kind == "LINEAR" else (1, 50)
        if not low <= made.step[1] <= high:
            raise validation_error(
                f"{made.kind} step of {made.step[1]} % of the capacity; it must be {low} to {high} %"
            )
    num_steps = len(list(made.shares(1))) if made.step and made.step[0] == "CAPACITY_PERCENT" else 2
    waits = made.termination_seconds + (made.wait_seconds * (num_steps - 1) if made.step else 0)
    if not waits < made.max_seconds:
        raise validation_error(
            f"MaximumExecutionTimeoutInSeconds: {made.max_seconds}; it must be above the {waits:.0f} s that the update "
            "waits by its own settings"
        )


def check_canary(made: Plan, variant_name: str, instance_count: int) -> None:
    """Raise unless a canary, which is one instance at least, is at most half of the variant's instances.

    Source: SageMaker API reference, TrafficRoutingConfig, CanarySize.
    """
    if made.kind != "CANARY" or made.step is None:
        return
    unit, value = made.step
    size = max(1, int(instance_count * value / 100)) if unit == "CAPACITY_PERCENT" else value
    if 2 * size > instance_count:
        raise validation_error(
            f"CanarySize of {value} {unit} for production variant {variant_name!r} with {instance_count} instances; "
            "Value must be less than or equal to 50% of the variant's total instance count"
        )


class Deployment:
    """One update under way: brings the green fleet up, shifts, bakes, and either promotes or rolls back."""

    def __init__(self, account: Account, endpoint: Endpoint, green: Green, made: Plan) -> None:
        self._account = account
        self._endpoint = endpoint
        self._green = green
        self._plan = made
        self._deadline = account.clock.time() + made.max_seconds

    def run(self, counts: dict[str, int]) -> None:
        """Carry the update out with so many instances for each variant; the endpoint ends InService either way."""
        try:
            self._carry_out(counts)
        except RollBackError as reason:
            self._roll_back(str(reason))
            return
        except Exception as error:
            self._roll_back(f"Request to service failed. {type(error).__name__}: {error}")
            raise
        if self._account.stopping.is_set():
            return
        blue = self._endpoint.promote(self._green)
        for variant in blue.values():
            variant.fleet.close()
        self._endpoint.tell_deployment(self._endpoint.variants, "", "")
        self._endpoint.set_status("InService")

    def _carry_out(self, counts: dict[str, int]) -> None:
        self._start_fleets(counts)
        self._shift(sum(counts.values()))
        self._endpoint.tell_deployment(self._endpoint.variants, "Deleting", "Terminating {count} instance(s).")

    def _start_fleets(self, counts: dict[str, int]) -> None:
        for name, variant in self._green.variants.items():
            self._tell("Creating", f"Launching {counts[name]} instance(s).", {name: variant})
            resize(variant, counts[name])
        self._start_shadows()

    def _start_shadows(self) -> None:
        for variant in self._green.shadows.values():
            resize(variant, variant.initial_count)

    def _shift(self, instance_count: int) -> None:
        shares = list(self._plan.shares(instance_count))
        for share in shares:
            capacity = _words(share, instance_count)
            self._tell("ActivatingTraffic", f"Activating traffic on {capacity}.")
            self._green.share = share
            seconds = self._plan.wait_seconds if share < 1 else self._plan.termination_seconds
            setting = "WaitIntervalInSeconds" if share < 1 else "TerminationWaitInSeconds"
            self._tell("Baking", f"Baking for {seconds:.0f} seconds ({setting}) with traffic enabled on {capacity}.")
            self._bake(seconds)

    def _tell(self, status: str, message: str, variants: Mapping[str, Variant] | None = None) -> None:
        self._endpoint.tell_deployment(variants or self._green.variants, status, message)

    def _bake(self, seconds: float) -> None:
        """Wait `seconds` while the alarms are watched.

        Raises:
            RollBackError: an alarm is in state ALARM, or the update takes longer than it may.
        """
        clock = self._account.clock
        end = clock.time() + seconds
        while not self._account.stopping.is_set():
            self._raise_on_alarm()
            remaining = end - clock.time()
            if remaining <= 0:
                return
            if clock.time() > self._deadline:
                raise RollBackError(
                    f"The update to endpoint configuration {self._green.config_name!r} took longer than "
                    f"MaximumExecutionTimeoutInSeconds ({self._plan.max_seconds:.0f}); it was rolled back."
                )
            clock.wait(self._account.stopping, min(remaining, _ALARM_POLL_SECONDS))

    def _raise_on_alarm(self) -> None:
        if not self._plan.alarm_names:
            return
        role_arn = next(iter(self._green.variants.values())).role_arn
        client = self._account.client("cloudwatch", role_arn, "SageMaker", by="sagemaker.amazonaws.com")
        try:
            alarms = client.describe_alarms(AlarmNames=list(self._plan.alarm_names))["MetricAlarms"]
        except ClientError as error:
            raise RollBackError(
                f"The auto-rollback alarms could not be read, so it was rolled back: {error}"
            ) from error
        tripped = [f"{alarm['AlarmName']!r}" for alarm in alarms if alarm["StateValue"] == "ALARM"]
        if tripped:
            raise RollBackError(
                f"The update to endpoint configuration {self._green.config_name!r} was rolled back, because these "
                f"auto-rollback alarms are in state ALARM: {', '.join(tripped)}."
            )

    def _roll_back(self, reason: str) -> None:
        self._endpoint.set_status("RollingBack", reason)
        try:
            self._return_to_blue()
        except InstanceFailedError as error:  # neither fleet is whole; what runs of both goes on serving
            self._endpoint.set_status("UpdateRollbackFailed", f"{reason} The rollback failed as well: {error}")
            return
        green = self._endpoint.withdraw()
        for variant in (green.variants | green.shadows).values() if green else ():
            variant.fleet.close()
        self._endpoint.tell_deployment(self._endpoint.variants, "", "")
        self._endpoint.set_status("InService", reason)

    def _return_to_blue(self) -> None:
        """Bring back what the update has taken of the blue fleet: nothing, since it stays whole until the end."""


def resize(variant: Variant, count: int) -> None:
    """Bring a variant to `count` instances.

    Raises:
        RollBackError: an added instance did not start.
    """
    try:
        variant.fleet.resize(count)
    except InstanceFailedError as error:
        raise RollBackError(
            f"The primary container for production variant {variant.name} did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        ) from error


def _words(share: float, instance_count: int) -> str:
    kind = "full" if share >= 1 else "canary"
    return f"{kind} capacity of {max(1, round(share * instance_count))} instance(s)"
