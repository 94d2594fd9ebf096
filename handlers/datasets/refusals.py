"""Refusals of `datasets`, under the name that the state machine knows."""

from collections.abc import Iterator
from contextlib import contextmanager

from datasets import errors
from handlers.contract.errors import DatasetError


@contextmanager
def as_dataset_error() -> Iterator[None]:
    """Raise what the block refuses as this package's DatasetError, in the same words."""
    try:
        yield
    except errors.DatasetError as error:
        raise DatasetError(str(error)) from error
