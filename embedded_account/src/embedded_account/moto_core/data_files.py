"""moto reads AWS's data files through the account's loader, instead of a new one for each service."""

from pathlib import Path
from typing import Any

import moto
from moto.core import utils
from moto.core.base_backend import AccountSpecificBackend

from embedded_account.account import Account
from embedded_account.data_files import data_loader, new_session
from embedded_account.wiring.replacement import replace

# The HTTP statuses of errors that neither AWS's model nor moto's additions to it have.
# Source: Amazon S3 API reference, "Error responses".
_STATUSES = {"lambda": {"RequestEntityTooLargeException": 413}, "s3": {"OperationAborted": 409}}


def install(account: Account) -> None:
    """Give moto's core the account's loader and a session on it."""
    session = new_session(account.region)
    _add_extras(data_loader())

    def load_service_model(service_name: str, model_name: str) -> Any:
        model = data_loader().load_service_model(service_name, model_name)
        for code, status in _STATUSES.get(service_name, {}).items():
            error = {"type": "structure", "members": {}, "error": {"httpStatusCode": status}, "exception": True}
            model["shapes"].setdefault(code, error)
        return model

    def get_session(cls: type) -> Any:
        return session

    replace(utils, "_load_service_model", load_service_model, parameters=("service_name", "model_name"))
    assert hasattr(AccountSpecificBackend.get_session, "cache_clear"), "moto's get_session moved; was moto upgraded?"
    setattr(AccountSpecificBackend, "get_session", classmethod(get_session))  # noqa: B010 (mypy sees a method)


def _add_extras(loader: Any) -> None:
    """Let a loader read moto's additions to AWS's models too: what errors of S3 and SQS tell beside their message."""
    loader.search_paths.append(str(Path(moto.__file__).parent))
    loader._extras_types.append("moto")
