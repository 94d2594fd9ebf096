"""Step Functions: moto interprets the state machine; its tasks, tokens, events and logs are those of this account."""

from functools import partial

from embedded_account.account import Account
from embedded_account.wiring.refusals import refuse
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
_CREATE_MEMBERS: dict[str, tuple[str, ...]] = {
    "name": (),
    "definition": (),
    "roleArn": (),
    "type": ("STANDARD",),
    "loggingConfiguration": (),
    "tags": (),
    "tracingConfiguration": (),
    "encryptionConfiguration": (),
    "publish": (),
    "versionDescription": (),
}


def install(account: Account) -> None:
    """Run executions for real and report their status to EventBridge and CloudWatch Logs."""
    from embedded_account.stepfunctions import moto_execution, reporting
    from embedded_account.stepfunctions.executions import Executions

    moto_execution.install(account)
    serve(
        account,
        "stepfunctions",
        Executions(account).operations(),
        from_moto=_FROM_MOTO,
        checks={"CreateStateMachine": partial(refuse, "stepfunctions:CreateStateMachine", heeded=_CREATE_MEMBERS)},
    )
    account.keep("running-executions", lambda: reporting.running(account), lambda lost: reporting.lose(account, lost))
