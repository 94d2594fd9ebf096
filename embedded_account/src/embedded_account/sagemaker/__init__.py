"""SageMaker: jobs that really train, tuning over them, and the store of tags; each part registers its operations."""

from functools import partial
from importlib import import_module

from embedded_account.account import Account
from embedded_account.sagemaker.shared import operations, validation
from embedded_account.wiring.serving import serve

# In order: each module has `install(account)`, which registers the operations it carries out.
_PARTS = (
    "embedded_account.sagemaker.shared.tags",
    "embedded_account.sagemaker.jobs",
    "embedded_account.sagemaker.endpoints.upkeep",
)


def install(account: Account) -> None:
    """Serve the operations of every part; any other operation of SageMaker is refused by name."""
    for part in _PARTS:
        import_module(part).install(account)
    table = operations.table()
    serve(account, "sagemaker", table, checks={name: partial(validation.check, name) for name in table})
