"""Functions as the account keeps them: what others do meanwhile does not disturb a look at them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from embedded_account.account import Account
from embedded_account.lambda_.function import code_folders
from moto.awslambda.utils import get_backend


def test_functions_may_be_made_while_folders_are_listed() -> None:
    """A stack creates its functions at once, and each unpacking asks for the folders of all."""
    account = cast(Account, SimpleNamespace(account_id="111122223333", region="eu-west-1"))
    functions: dict[str, Any] = get_backend(account.account_id, account.region)._lambdas._functions
    functions["first"] = {"latest": SimpleNamespace(code_folder=Path("first")), "versions": []}
    functions["second"] = {"latest": None, "versions": [SimpleNamespace(code_folder=Path("second"))]}

    folders = code_folders(account)
    listed = [next(folders)]
    functions["third"] = {"latest": SimpleNamespace(code_folder=Path("third")), "versions": []}
    listed += folders

    assert listed == [Path("first"), Path("second")]
