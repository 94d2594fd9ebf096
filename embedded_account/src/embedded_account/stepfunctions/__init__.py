"""Step Functions: moto interprets the state machine; its tasks, tokens, events and logs are those of this account."""

from embedded_account.account import Account
from embedded_account.moto_patches import mount
from embedded_account.operations import carry_out


def install(account: Account) -> None:
    """Run executions for real and report their status to EventBridge and CloudWatch Logs."""
    from embedded_account.moto_patches import stepfunctions as patches
    from embedded_account.stepfunctions import reporting
    from embedded_account.stepfunctions.responses import OPERATIONS, StepFunctionsResponse

    patches.install(account)
    mount("stepfunctions", {"{0}/$": StepFunctionsResponse.dispatch})
    carry_out("stepfunctions", OPERATIONS)
    account.keep("running-executions", lambda: reporting.running(account), lambda lost: reporting.lose(account, lost))
