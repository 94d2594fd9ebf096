"""KMS: keys for the services of the account, with policies that are decided on and deletion that waits."""

from embedded_account.account import Account


def install(account: Account) -> None:
    """Serve the operations by which keys are made, ruled and deleted."""
    from embedded_account.kms.keys import Keys
    from embedded_account.kms.operations import operations
    from embedded_account.wiring.serving import serve

    serve(account, "kms", operations(account.singleton(Keys)))
