"""What is gone is forgotten: the account's memory does not grow with what it has done."""

import gc
import weakref

from embedded_account.moto_core import instances
from moto.core.common_models import BaseModel


class _Thing(BaseModel):
    """Something that moto models, as it models objects, messages and executions."""


def test_what_is_gone_is_forgotten() -> None:
    """moto keeps every instance of its models; the account does not."""
    instances.install()
    thing = _Thing()
    known = weakref.ref(thing)

    del thing
    gc.collect()

    assert known() is None
