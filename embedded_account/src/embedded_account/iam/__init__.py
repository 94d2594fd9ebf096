"""Identity: who sends a request, and whether the policies let them do what it asks."""

from embedded_account.account import Account


def install(account: Account) -> None:
    """Authenticate and authorise every request from now on, and every role that a service assumes."""
    from embedded_account.iam import aws_policies, boundaries, moto_delays, moto_sessions
    from embedded_account.iam.actions.rules import Need
    from embedded_account.iam.enforcement import Enforcement
    from embedded_account.iam.permissions import Permissions

    permissions = account.singleton(Permissions)
    enforcement = Enforcement(account)
    account.action_checks.insert(0, enforcement.check)  # AWS refuses who may not before it looks at what is asked
    account.add_middleware(enforcement.middleware)
    account.assume_checks.append(permissions.require_assumption)
    account.access_checks.append(
        lambda caller, action, resource, keys: permissions.require(caller, Need(action, resource, keys), "lambda")
    )
    moto_delays.install(account)
    moto_sessions.install(account)
    enforcement.put_policies.install()
    aws_policies.install(account)
    boundaries.install(account)  # after what takes AWS's own policies up
