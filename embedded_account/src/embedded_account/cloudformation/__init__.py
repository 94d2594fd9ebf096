"""CloudFormation: an engine of our own, which acts through the account's endpoint as the stack's role.

Read in this order: templates.py (what a template means), plan.py (what it would change), deployment.py (carrying it
out, and back), resources/ (one class a type).
"""

from functools import partial

from moto.core.utils import camelcase_to_underscores

from embedded_account.account import Account
from embedded_account.cloudformation.change_sets import ChangeSetOperations
from embedded_account.cloudformation.exports import Exports
from embedded_account.cloudformation.operate import Operator
from embedded_account.cloudformation.stack_operations import StackOperations
from embedded_account.cloudformation.stacks import Stacks
from embedded_account.cloudformation.warm_up import warm_up
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation, serve

# Every operation and the parameters that it heeds; any other parameter is refused by name, unless it says nothing.
_TEMPLATE = {"StackName", "TemplateBody", "TemplateURL", "UsePreviousTemplate", "Parameters", "Capabilities", "Tags", "RoleARN"}  # noqa: E501  # fmt: skip
_HEEDED: dict[str, set[str]] = {
    "CreateChangeSet": _TEMPLATE | {"ChangeSetName", "ChangeSetType", "ClientToken", "Description", "DeploymentMode"},
    "DescribeChangeSet": {"ChangeSetName", "StackName", "IncludePropertyValues"},
    "ExecuteChangeSet": {"ChangeSetName", "StackName", "ClientRequestToken", "DisableRollback"},
    "DeleteChangeSet": {"ChangeSetName", "StackName"},
    "ListChangeSets": {"StackName"},
    "CreateStack": _TEMPLATE | {"ClientRequestToken"},
    "UpdateStack": _TEMPLATE | {"ClientRequestToken"},
    "DeleteStack": {"StackName", "RetainResources", "ClientRequestToken", "DeletionMode"},
    "ContinueUpdateRollback": {"StackName", "ResourcesToSkip", "ClientRequestToken"},
    "RollbackStack": {"StackName", "ClientRequestToken"},
    "UpdateTerminationProtection": {"StackName", "EnableTerminationProtection"},
    "DescribeStacks": {"StackName"},
    "ListStacks": {"StackStatusFilter"},
    "DescribeStackEvents": {"StackName", "NextToken"},
    "DescribeStackResources": {"StackName", "LogicalResourceId"},
    "DescribeStackResource": {"StackName", "LogicalResourceId"},
    "ListStackResources": {"StackName"},
    "GetTemplate": {"StackName", "ChangeSetName", "TemplateStage"},
    "ListExports": {"NextToken"},
    "ListImports": {"ExportName", "NextToken"},
    "ValidateTemplate": {"TemplateBody", "TemplateURL"},
    "GetTemplateSummary": {"StackName", "TemplateBody", "TemplateURL"},
}


def install(account: Account) -> None:
    """Answer CloudFormation's operations with the engine."""
    stacks = Stacks()
    account.persist("stacks", stacks.all, stacks.restore)
    exports = Exports(stacks)
    operator = Operator(account, stacks, exports)
    parts = (
        ChangeSetOperations(account, stacks, operator, exports),
        StackOperations(account, stacks, operator, exports),
        exports,
    )
    serve(
        account,
        "cloudformation",
        {name: _operation(name, parts) for name in _HEEDED},
        checks={name: partial(refuse, f"cloudformation:{name}", heeded=heeded) for name, heeded in _HEEDED.items()},
    )
    account.start_thread("stack-warm-up", lambda: warm_up(account))


def _operation(name: str, parts: tuple[object, ...]) -> Operation:
    """Return the method by which one of `parts` carries out the operation `name`."""
    method = camelcase_to_underscores(name)
    operation: Operation = next(getattr(part, method) for part in parts if hasattr(part, method))
    return operation
