"""AWS's own data files (service models, endpoints), read once for everything in this process."""

import functools
from typing import Any

import boto3
import botocore.session
from botocore.loaders import Loader, create_loader


@functools.cache
def data_loader() -> Loader:
    """Return the one loader; it keeps what it has read. A second one would parse megabytes of JSON again."""
    return create_loader()


def new_session(region: str) -> boto3.session.Session:
    """Return a boto3 session that reads through the one loader."""
    core: Any = botocore.session.get_session()
    core.register_component("data_loader", data_loader())
    return boto3.session.Session(botocore_session=core, region_name=region)
