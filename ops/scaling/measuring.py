"""`deploy.py measure`: what one instance takes, from real pictures on the real model and type."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handlers.contract.measurement import Measurement
from ops.console import say
from ops.errors import LoadError
from ops.load.driving import OK, Load, Photograph, drive
from ops.load.targets import EndpointTarget
from ops.scaling import ramp, temporary
from ops.scaling.ramp import Capacity, Step
from ops.session import Session
from ops.stack import endpoints
from ops.stack.stacks import Stack

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import ProductionVariantTypeDef

_CALLERS = 8  # of the loop that finds what can be answered at all
_WARM_UP_SECONDS = 3.0
_START_SHARE = 0.3  # of what is answered at all, with which the ramp begins
_ASSUMED_START_SECONDS = 240.0  # of an instance, where none was started


@dataclass(frozen=True)
class Asked:
    """What a person wants held, and how: milliseconds, seconds a step at the least, the share that is aimed at."""

    p95: float
    seconds: float
    factor: float

    def __post_init__(self) -> None:
        for name, most in (("p95", 60_000.0), ("seconds", 600.0), ("factor", 1.0)):
            if not 0 < getattr(self, name) <= most:
                raise LoadError(f"{name}: {getattr(self, name)!r}; expected more than 0, and {most:g} at the most")


@dataclass(frozen=True)
class Measured:
    """The measurement, and the steps that it comes from."""

    measurement: Measurement
    capacity: Capacity

    def as_json(self) -> str:
        """Return it as the file that is kept."""
        steps = [{**asdict(step), "latencies": len(step.latencies)} for step in self.capacity.steps]
        kept = {"measurement": self.measurement.text(), "steps": steps}
        return json.dumps(kept, indent=1).replace("Infinity", "null") + "\n"


def measure(
    session: Session, stack: Stack, photographs: Sequence[Photograph], asked: Asked, *, live: bool = False
) -> Measured:
    """Return what an instance takes, measured on a temporary endpoint or on the live one.

    Raises:
        LoadError: there is no endpoint, it does not answer, or no rate holds the limit.
    """
    name = stack.output("EndpointName")
    if temporary.name_of(session) == name:
        raise LoadError(f"endpoint {name!r}: is named as a temporary one would be; change EndpointName, or use --live")
    variant = temporary.variant_of(session, name)
    with _where(session, name, variant, live=live) as (driven, start_seconds):
        state = endpoints.find(session, driven)
        if state is None or not state.num_instances:
            status = state.status if state else "gone"
            raise LoadError(f"endpoint {driven!r}: serves nothing, it is {status}; try again when it serves")
        instance = _Instance(session, driven, state.num_instances, list(photographs), asked)
        model = instance.model()
        alone, peak = instance.alone(), instance.peak()
        capacity = ramp.climb(instance.step, _START_SHARE * peak, asked.p95)
    workers = max(1, round(peak * alone))
    _, run = endpoints.serving(session, stack)
    measurement = Measurement(
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        run=run.execution_name if run else str(model.get("training_job_name", "unknown")),
        network=str(model.get("model_name", "unknown")),
        side=int(stack.parameters.get("ImageSize", 0)),
        type=variant["InstanceType"],
        p95_ms=asked.p95,
        per_minute=int(60 * capacity.step.rate),
        low=int(60 * capacity.low),
        high=int(60 * capacity.bounded_high),
        start_seconds=round(start_seconds, 1),
        work_ms=round(1000 * workers / peak, 1),
        workers=workers,
        factor=asked.factor,
    )
    return Measured(measurement, capacity)


def _where(
    session: Session, name: str, variant: ProductionVariantTypeDef, *, live: bool
) -> AbstractContextManager[tuple[str, float]]:
    if not live:
        return temporary.endpoint(session, variant)
    say(f"an instance's start was not measured: {_ASSUMED_START_SECONDS:g} s are taken for it")
    return nullcontext((name, _ASSUMED_START_SECONDS))


class _Instance:
    """Drives an endpoint at rates that are an instance's."""

    def __init__(self, session: Session, name: str, count: int, photographs: list[Photograph], asked: Asked) -> None:
        self._runtime, self._name, self._count = session.load_client("sagemaker-runtime"), name, count
        self._photographs, self._asked = photographs, asked
        self._target = EndpointTarget(self._runtime, name)
        self._look: Callable[[], endpoints.EndpointState | None] = lambda: endpoints.find(session, name)

    def model(self) -> dict[str, Any]:
        """Return what the endpoint's answer says of its model."""
        first = self._photographs[0]
        outcome = self._target.send(first)
        if outcome != OK:
            raise LoadError(f"endpoint {self._name!r}: {outcome} for {first.name!r}; give pictures that it can read")
        answer = self._runtime.invoke_endpoint(
            EndpointName=self._name, Body=first.content, ContentType=first.content_type, Accept="application/json"
        )
        body = json.loads(answer["Body"].read())
        return dict(body["model"]) if isinstance(body, dict) and isinstance(body.get("model"), dict) else {}

    def alone(self) -> float:
        """Return the seconds of a request that has the instance to itself."""
        load = Load(min(10.0, self._asked.seconds), warm_up_seconds=_WARM_UP_SECONDS)
        step = ramp.step_of(0.0, drive(self._target, self._photographs, load))
        if not step.latencies or step.p95 > self._asked.p95:
            raise LoadError(
                f"endpoint {self._name!r}: p95 is {step.p95:.0f} ms with one request at a time, network included; no "
                f"rate holds {self._asked.p95:g} ms: give a larger --p95, or measure from where the network is nearer"
            )
        say(f"alone: p50 {step.latencies[len(step.latencies) // 2]:.0f} ms, p95 {step.p95:.0f} ms")
        return sum(step.latencies) / len(step.latencies) / 1000

    def peak(self) -> float:
        """Return the answers a second and instance of callers that never pause."""
        load = Load(min(15.0, self._asked.seconds), concurrency=_CALLERS * self._count)
        result = drive(self._target, self._photographs, load)
        say(f"at most: {60 * result.throughput / self._count:.0f} a minute, whatever they wait")
        if not result.throughput:
            raise LoadError(f"endpoint {self._name!r}: answered none of {len(result.samples)} requests")
        return result.throughput / self._count

    def step(self, rate: float) -> Step:
        """Return what came of a rate an instance, of enough requests to know p95 well."""
        total = rate * self._count
        seconds = min(600.0, max(self._asked.seconds, ramp.LEAST_REQUESTS / total))
        step = ramp.step_of(
            rate, drive(self._target, self._photographs, Load(seconds, rate=total, seed=int(rate * 1000)))
        )
        state = self._look()
        if state is None or state.num_instances != self._count:
            raise LoadError(
                f"endpoint {self._name!r}: had {self._count} instances, and has another number; measure without "
                "--live, or while it does not scale"
            )
        held = "holds" if step.passes(self._asked.p95) else "does not hold"
        say(f"{60 * rate:.0f} a minute: p95 {step.p95:.0f} ms, {100 * step.failed:.1f} % failed: {held}")
        return step
