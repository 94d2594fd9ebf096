"""What bears the stack's tag in SageMaker, whatever its name is and whoever still knows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from handlers.contract.names import STACK_TAG
from ops.errors import NOT_OFFERED, error_code, unless_gone
from ops.session import MAX_CONNECTIONS, Session


@dataclass(frozen=True)
class Tagged:
    """Names of what executions of the stack have made; of jobs, those that run."""

    endpoints: tuple[str, ...] = ()
    endpoint_configs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    model_cards: tuple[str, ...] = ()
    tuning_jobs: tuple[str, ...] = ()
    training_jobs: tuple[str, ...] = ()


_TUNING = ("list_hyper_parameter_tuning_jobs", "HyperParameterTuningJobSummaries", "HyperParameterTuningJob")


def find(session: Session, say: Callable[[str], None]) -> Tagged:
    """Return what bears the stack's tag: each resource of the account is asked for its tags.

    Model cards may not be seen everywhere, and nothing depends on them: that they may be left is said.
    """
    return Tagged(
        endpoints=endpoints(session),
        endpoint_configs=_own(session, "list_endpoint_configs", "EndpointConfigs", "EndpointConfig"),
        models=_own(session, "list_models", "Models", "Model"),
        model_cards=_model_cards(session, say),
        tuning_jobs=_own(session, *_TUNING, StatusEquals="InProgress"),
        training_jobs=_own(
            session, "list_training_jobs", "TrainingJobSummaries", "TrainingJob", StatusEquals="InProgress"
        ),
    )


def endpoints(session: Session) -> tuple[str, ...]:
    """Return the names of the endpoints that bear the stack's tag."""
    return _own(session, "list_endpoints", "Endpoints", "Endpoint")


def _model_cards(session: Session, say: Callable[[str], None]) -> tuple[str, ...]:
    try:
        return _own(session, "list_model_cards", "ModelCardSummaries", "ModelCard")
    except ClientError as error:
        if error_code(error) not in NOT_OFFERED:
            raise
        say(f"left: the stack's model cards, if there are any; ListModelCards: {error_code(error)}")
        return ()


def _own(session: Session, operation: str, listed: str, kind: str, **arguments: str) -> tuple[str, ...]:
    entries = list(_entries(session, operation, listed, **arguments))
    with ThreadPoolExecutor(MAX_CONNECTIONS // 2) as pool:
        owners = pool.map(lambda entry: owner(session, entry[f"{kind}Arn"]), entries)
        return tuple(
            entry[f"{kind}Name"] for entry, whose in zip(entries, owners, strict=True) if whose == session.stack_name
        )


def _entries(session: Session, operation: str, listed: str, **arguments: str) -> Iterator[dict[str, Any]]:
    client: Any = session.sagemaker
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[listed]


def owner(session: Session, arn: str) -> str:
    """Return the stack whose tag a resource bears, or ""."""
    answer = unless_gone(session.sagemaker.list_tags, ResourceArn=arn)
    return next((tag["Value"] for tag in (answer["Tags"] if answer else []) if tag["Key"] == STACK_TAG), "")
