"""What moto's core does for all services, completed: checks before each operation, data files, steady reads."""

from embedded_account.account import Account
from embedded_account.moto_core import actions, data_files, instances, steady, unneeded
from embedded_account.wiring.operations import Operations
from embedded_account.wiring.replacement import check_version


def install(account: Account) -> None:
    """Prepare moto for the services; called before them."""
    check_version()
    unneeded.install()
    instances.install()
    steady.install()
    actions.install(account)
    data_files.install(account)
    account.singleton(Operations)  # whose check is the first
