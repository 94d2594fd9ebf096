"""An endpoint of one instance that is there for a measurement alone, and is removed whatever becomes of that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from handlers.contract.names import STACK_TAG
from ops.console import say
from ops.errors import LoadError, unless_gone
from ops.session import Session
from ops.stack import endpoints, removal

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import ProductionVariantTypeDef, TagTypeDef

_READY_SECONDS = 1800.0  # SageMaker gives up earlier


def name_of(session: Session) -> str:
    """Return the endpoint's name: always the same, so that the next measurement meets one which a crash has left."""
    return f"{session.stack_name}-measure"


@contextmanager
def endpoint(session: Session, variant: ProductionVariantTypeDef) -> Iterator[tuple[str, float]]:
    """Give an endpoint of the one `variant`, as `variant_of` gives it, and the seconds of its start.

    Raises:
        LoadError: it does not come into service.
    """
    name = name_of(session)
    if remove(session):
        say(f"removed endpoint {name!r}, which a measurement that was cut short had left")
    try:
        yield name, _start(session, name, variant)
    finally:
        remove(session)
        say(f"removed endpoint {name!r}")


def sentences(session: Session) -> list[str]:
    """Return what to do about an endpoint that a measurement has left; nothing where there is none."""
    left = endpoints.find(session, name_of(session))
    if left is None:
        return []
    return [
        f"endpoint {left.name!r} is {left.status} since {left.created_at:%Y-%m-%d %H:%M} UTC and is billed: a"
        " measurement runs, or was cut short; the next `deploy.py measure` removes it, or now"
        f" `aws sagemaker delete-endpoint --endpoint-name {left.name}`"
    ]


def remove(session: Session) -> bool:
    """Remove the endpoint, its config and its log group; True if there was an endpoint."""
    name = name_of(session)
    was_there = endpoints.find(session, name) is not None
    removal.remove_endpoint(session, name, say)
    unless_gone(session.sagemaker.delete_endpoint_config, EndpointConfigName=name)
    return was_there


def variant_of(session: Session, like: str) -> ProductionVariantTypeDef:
    """Return the variant of one instance, of the model and instance type that the endpoint `like` serves with.

    Raises:
        LoadError: there is no such endpoint, or it has no instances.
    """
    state = endpoints.find(session, like)
    if state is None:
        flags = session.flags
        raise LoadError(
            f"endpoint {like!r}: there is none; deploy a model first, with `deploy.py upload{flags}`, or bring a "
            f"stopped one back, with `deploy.py endpoint start{flags}`"
        )
    described = session.sagemaker.describe_endpoint_config(EndpointConfigName=state.config_name)
    own = described["ProductionVariants"][0]
    if "InstanceType" not in own:
        raise LoadError(
            f"endpoint {like!r}: is serverless and has no instances to measure; SageMaker scales it by itself, and "
            f"`deploy.py load` drives it"
        )
    variant: dict[str, Any] = {
        name: value
        for name, value in own.items()
        if name in {"VariantName", "ModelName", "InstanceType"} or name.endswith("TimeoutInSeconds")
    }
    variant["InitialInstanceCount"] = 1
    return variant  # type: ignore[return-value]  # of the same members


def _start(session: Session, name: str, variant: ProductionVariantTypeDef) -> float:
    """Create the endpoint; return the seconds until it is in service."""
    tags: list[TagTypeDef] = [{"Key": STACK_TAG, "Value": session.stack_name}]
    client, began = session.sagemaker, time.monotonic()
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=tags)
    client.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)
    say(f"starting endpoint {name!r}: one {variant['InstanceType']} ...")
    while (state := endpoints.find(session, name)) is not None and state.status == "Creating":
        if time.monotonic() - began > _READY_SECONDS:
            break
        time.sleep(session.poll_seconds)
    if state is None or state.status != "InService":
        status = f"{state.status}: {state.failure_reason}" if state else "gone"
        raise LoadError(
            f"endpoint {name!r}: {status}; it is removed again; see `deploy.py logs endpoint` of the live one"
        )
    return time.monotonic() - began
