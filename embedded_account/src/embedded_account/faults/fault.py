"""What can be made to go wrong, and how often."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

# kind -> (what happens, the members that say to what; the first is needed). This is also the table of the help.
REQUEST_KINDS: dict[str, str] = {
    "throttle": "the call is refused as the service refuses one that comes too fast",
    "error": "the call is refused with the service's own internal error, or with --code and --status",
    "slow": "the call is carried out --seconds later",
    "drop": "the connection breaks and the call is not carried out",
    "lose-answer": "the call is carried out and the connection breaks before its answer",
    "quota": "the call is refused because a limit of the service is full",
    "expire-credentials": "the call is refused because the caller's session has expired",
    "crash-caller": "the calling process is killed as soon as the call has been carried out",
}
EVENT_KINDS: dict[str, str] = {
    "lose-event": "an event does not reach the target of its rule",
    "duplicate-event": "an event reaches the target twice, or --copies times",
    "delay-event": "an event reaches the target --seconds later",
    "reorder-events": "an event reaches the target after the one that follows it",
}
PROCESS_KINDS: dict[str, str] = {
    "kill-environment": "the execution environment of the function --name is killed",
    "kill-training-job": "the processes of the training job --name are killed after step --step",
    "interrupt-training-job": "the spot job --name is reclaimed after step --step, with --seconds (120) to save",
    "lose-training-instance": "the machine of the training job --name is gone after step --step, without a notice",
    "kill-endpoint-instance": "an instance of the endpoint --name is killed",
    "stop-training-job": "the training job --name is stopped by somebody else",
    "stop-tuning-job": "the tuning job --name is stopped by somebody else",
    "stop-execution": "the execution --name is stopped by somebody else",
}
START_KINDS: dict[str, str] = {
    "no-capacity": "the training job --name finds no instance when it starts",
}
# AWS's own delays: each holds until it is cleared, for whatever --name (all) becomes while it is switched on.
DELAY_KINDS: dict[str, str] = {
    "delay-resources": "for --seconds (5) what SageMaker has just made is missed by every other Describe and List, and "
    "refused by whatever builds on it",
    "delay-roles": "a role that was just made cannot be assumed for --seconds (10)",
    "delay-bucket-names": "the name of a deleted bucket stays taken for --seconds (3600)",
    "delay-notifications": "a bucket whose EventBridge notification was switched on sends no event for --seconds (300)",
    "delay-functions": "a function is Pending after its creation and InProgress after an update for --seconds (2)",
    "delay-instances": "the instances of training jobs and endpoints take --seconds (180) to start",
}
DELAY_SECONDS = {
    "delay-resources": 5.0,
    "delay-roles": 10.0,
    "delay-bucket-names": 3600.0,
    "delay-notifications": 300.0,
    "delay-functions": 2.0,
    "delay-instances": 180.0,
}
KINDS = REQUEST_KINDS | EVENT_KINDS | PROCESS_KINDS | START_KINDS | DELAY_KINDS
_NEEDED = {
    "throttle": ("service",),
    "error": ("service",),
    "slow": ("service", "seconds"),
    "drop": ("service",),
    "lose-answer": ("service",),
    "quota": ("service", "operation"),
    "crash-caller": ("caller",),
    "delay-event": ("seconds",),
    **dict.fromkeys(PROCESS_KINDS | START_KINDS, ("name",)),
}
_DEFAULT_LIFETIME_SECONDS = 3600.0
_MAX_SECONDS = 86_400.0
_PREFIX = "delay-"


class FaultError(ValueError):
    """A fault was described that cannot be made."""


@dataclass
class Fault:
    """One thing that will go wrong; text members are shell patterns. Seconds are of the account's clock.

    It passes over the first `skip` occasions, takes the next `count`, and is gone after `lifetime_seconds` anyway.
    """

    kind: str
    service: str = "*"
    operation: str = "*"
    caller: str = "*"  # the name of the caller's role or of its session; "root" is the account's own key
    # Of the function, job, endpoint, role, bucket, execution; of an event its detail-type, or that > its target's ARN.
    name: str = "*"
    count: int = 1
    skip: int = 0
    copies: int = 2  # of a duplicated event
    step: int = 0  # of a training job: how many lines of metrics it has printed
    seconds: float = 0.0
    code: str = ""
    status: int = 0
    lifetime_seconds: float = _DEFAULT_LIFETIME_SECONDS
    id: str = ""
    expires_at: float = field(default=0.0, repr=False)

    @classmethod
    def parse(cls, members: Mapping[str, Any]) -> "Fault":
        """Return the fault that `members`, JSON by the names of the fields, describe.

        Raises:
            FaultError: a member is unknown, missing, or not what it must be.
        """
        kinds = {each.name: each.type for each in fields(cls) if each.name not in {"id", "expires_at"}}
        unknown = sorted(set(members) - set(kinds))
        if unknown:
            raise FaultError(f"fault member: {unknown[0]!r}; known are {', '.join(sorted(kinds))}")
        if members.get("kind") not in KINDS:
            raise FaultError(f"kind of fault: {members.get('kind')!r}; known are {', '.join(KINDS)}")
        for name, value in members.items():
            _check_type(name, value, kinds[name])
        for name in _NEEDED.get(members["kind"], ()):
            if not members.get(name):
                raise FaultError(f"fault {members['kind']!r}: no {name} is given; name one")
        if members["kind"] in DELAY_KINDS:
            return cls(**_delay_members(members))
        return cls(**members)

    def matches(self, **actual: str | tuple[str, ...]) -> bool:
        """Return whether each of the `actual` values, or one of several, fits this fault's pattern for it."""
        given = {name: (value,) if isinstance(value, str) else value for name, value in actual.items()}
        return all(any(fnmatchcase(one, getattr(self, name)) for one in values) for name, values in given.items())

    def describe(self) -> dict[str, Any]:
        """Return the fault as JSON, without the members that say nothing."""
        members = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "expires_at"}
        defaults = {each.name: each.default for each in fields(self)}
        return {name: value for name, value in members.items() if name in {"id", "count"} or value != defaults[name]}


def parse_delays(text: str) -> list[Fault]:
    """Return the delays of `text`: "all", or kinds and, where not AWS's usual ones, seconds: "roles,instances=60".

    Raises:
        FaultError: it names no delay, or seconds that are none.
    """
    named = [kind.removeprefix(_PREFIX) for kind in DELAY_KINDS] if text == "all" else text.split(",") if text else []
    return [_parse_delay(each.strip()) for each in named]


def _parse_delay(text: str) -> Fault:
    name, _, seconds = text.partition("=")
    kind = f"{_PREFIX}{name}"
    if kind not in DELAY_KINDS:
        known = ", ".join(each.removeprefix(_PREFIX) for each in DELAY_KINDS)
        raise FaultError(f"delay: {name!r}; name 'all' or some of {known}")
    try:
        return Fault.parse({"kind": kind, "seconds": float(seconds) if seconds else DELAY_SECONDS[kind]})
    except ValueError as error:
        raise FaultError(f"delay {name!r}: {error}; give seconds, as in {name}=60") from error


def _delay_members(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a delay, which is neither counted nor ends by itself."""
    unheeded = sorted(set(members) - {"kind", "name", "seconds"})
    if unheeded:
        raise FaultError(f"fault {members['kind']!r}: it takes name and seconds, not {unheeded[0]}; leave that out")
    return {"seconds": DELAY_SECONDS[members["kind"]], **members}


def _check_type(name: str, value: Any, kind: Any) -> None:
    if kind is str and not (isinstance(value, str) and value):
        raise FaultError(f"{name} of a fault: {value!r}; it must be a text")
    if kind is int and not (isinstance(value, int) and not isinstance(value, bool) and value >= (name == "count")):
        raise FaultError(f"{name} of a fault: {value!r}; it must be a whole number{' above 0' * (name == 'count')}")
    if kind is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or not 0 < value <= _MAX_SECONDS:
            raise FaultError(f"{name} of a fault: {value!r}; it must be above 0 and at most {_MAX_SECONDS:.0f}")
