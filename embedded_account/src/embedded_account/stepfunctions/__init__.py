"""Step Functions: moto interprets the state machine; its tasks, tokens, events and logs are those of this account."""

from embedded_account.account import Account
from embedded_account.wiring.serving import serve

_FROM_MOTO = {
    "CreateStateMachine",
    "UpdateStateMachine",
    "DeleteStateMachine",
    "DescribeStateMachine",
    "DescribeStateMachineForExecution",
    "ListStateMachines",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
}


def install(account: Account) -> None:
    """Run executions for real and report their status to EventBridge and CloudWatch Logs."""
    from embedded_account.stepfunctions import creation, moto_execution, reporting
    from embedded_account.stepfunctions.executions import Executions

    moto_execution.install(account)
    serve(
        account,
        "stepfunctions",
        Executions(account).operations(),
        from_moto=_FROM_MOTO,
        checks=creation.checks(account),
    )
    account.persist(
        "running-executions", lambda: reporting.running(account), lambda lost: reporting.lose(account, lost)
    )
