"""AWS's Price List: what things cost, from a dated table, in the account's region."""

from embedded_account.account import Account


def install(account: Account) -> None:
    """Serve GetProducts, DescribeServices and GetAttributeValues."""
    from embedded_account.pricing.http import middleware
    from embedded_account.pricing.operations import operations
    from embedded_account.wiring.operations import Operations

    carried_out = operations(account.region)
    account.singleton(Operations).carry_out("pricing", carried_out)
    account.add_middleware(middleware(account, carried_out))
