"""AWS's own data files (service models, endpoints), read once for everything in this process."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.loaders import JSONFileLoader, Loader, create_loader
from botocore.model import ServiceModel


class _PlainFiles(JSONFileLoader):
    """Reads into plain dictionaries, which keep their order too: an OrderedDict a member takes three times as long."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            return json.loads(file.read())


@functools.cache
def data_loader() -> Loader:
    """Return the one loader; it keeps what it has read. A second one would parse megabytes of JSON again."""
    loader = create_loader()
    loader.file_loader = _PlainFiles()
    return loader


@functools.cache
def aws_loader() -> Loader:
    """Return a loader of AWS's models alone, to which moto has added nothing: no operations, no members of errors."""
    loader = create_loader()
    loader.file_loader = _PlainFiles()
    return loader


@functools.cache
def service_model(service: str) -> ServiceModel:
    """Return the model of a service's operations."""
    return ServiceModel(data_loader().load_service_model(service, "service-2"), service)


def with_own_operations(model: Any) -> Any:
    """Return a service model whose operations a client may change; botocore takes the bucket out of S3's paths."""
    if not isinstance(model, dict) or "operations" not in model:
        return model
    own = {name: {**one, "http": dict(one.get("http", {}))} for name, one in model["operations"].items()}
    return {**model, "operations": own}


class _ForClients:
    """The one loader, with operations that are the client's own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(data_loader(), name)

    def load_service_model(self, *arguments: Any, **options: Any) -> Any:
        return with_own_operations(data_loader().load_service_model(*arguments, **options))


def new_session(region: str) -> boto3.session.Session:
    """Return a boto3 session that reads through the one loader."""
    core: Any = botocore.session.get_session()
    core.register_component("data_loader", _ForClients())
    return boto3.session.Session(botocore_session=core, region_name=region)
