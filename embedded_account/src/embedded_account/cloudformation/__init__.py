"""CloudFormation: an engine of our own, which acts through the account's endpoint as the stack's role.

Read in this order: templates.py (what a template means), plan.py (what it would change), deployment.py (carrying it
out, and back), resources/ (one class a type).
"""

from collections.abc import Callable, Mapping
from typing import Any

from moto.core.responses import ActionResult, BaseResponse

from embedded_account import operations
from embedded_account.account import Account
from embedded_account.cloudformation.change_sets import ChangeSetOperations
from embedded_account.cloudformation.operate import Operator
from embedded_account.cloudformation.stack_operations import StackOperations
from embedded_account.cloudformation.stacks import Stacks
from embedded_account.cloudformation.warm_up import warm_up
from embedded_account.errors import ServiceError
from embedded_account.moto_patches import mount

# Every operation and the parameters that it heeds; any other parameter is refused by name, unless it says nothing.
_TEMPLATE = {"StackName", "TemplateBody", "TemplateURL", "UsePreviousTemplate", "Parameters", "Capabilities", "Tags", "RoleARN"}  # noqa: E501  # fmt: skip
_OPERATIONS: dict[str, set[str]] = {
    "CreateChangeSet": _TEMPLATE | {"ChangeSetName", "ChangeSetType", "ClientToken", "Description"},
    "DescribeChangeSet": {"ChangeSetName", "StackName", "IncludePropertyValues"},
    "ExecuteChangeSet": {"ChangeSetName", "StackName", "ClientRequestToken"},
    "DeleteChangeSet": {"ChangeSetName", "StackName"},
    "ListChangeSets": {"StackName"},
    "CreateStack": _TEMPLATE | {"ClientRequestToken"},
    "UpdateStack": _TEMPLATE | {"ClientRequestToken"},
    "DeleteStack": {"StackName", "RetainResources", "ClientRequestToken"},
    "DescribeStacks": {"StackName"},
    "ListStacks": {"StackStatusFilter"},
    "DescribeStackEvents": {"StackName", "NextToken"},
    "DescribeStackResources": {"StackName", "LogicalResourceId"},
    "DescribeStackResource": {"StackName", "LogicalResourceId"},
    "ListStackResources": {"StackName"},
    "GetTemplate": {"StackName", "ChangeSetName", "TemplateStage"},
    "ValidateTemplate": {"TemplateBody", "TemplateURL"},
    "GetTemplateSummary": {"StackName", "TemplateBody", "TemplateURL"},
}
_SAYS_NOTHING: tuple[Any, ...] = ("", False, [], {})


def install(account: Account) -> None:
    """Answer CloudFormation's operations with the engine."""
    stacks = Stacks()
    account.keep("stacks", stacks.all, stacks.restore)
    operator = Operator(account, stacks)
    on_stacks = StackOperations(account, stacks, operator)
    on_change_sets = ChangeSetOperations(account, stacks, operator)
    methods = {}
    for name, heeded in _OPERATIONS.items():
        method = _snake_case(name)
        carry_out = getattr(on_change_sets, method, None) or getattr(on_stacks, method)
        methods[method] = _response_method(name, heeded, carry_out)

    class CloudFormationResponse(BaseResponse):
        """Parses requests and serialises answers by botocore's model."""

        def __init__(self) -> None:
            super().__init__("cloudformation")
            self.automated_parameter_parsing = True

    for method, function in methods.items():
        setattr(CloudFormationResponse, method, function)
    mount("cloudformation", {"{0}/$": CloudFormationResponse.dispatch})
    operations.carry_out("cloudformation", set(_OPERATIONS))
    account.start_thread("stack-warm-up", lambda: warm_up(account))


def _response_method(
    name: str, heeded: set[str], carry_out: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Callable[[Any], ActionResult]:
    def answer(self: Any) -> ActionResult:
        request = {key: value for key, value in self.params.items() if value is not None}
        unheeded = sorted(key for key, value in request.items() if key not in heeded and value not in _SAYS_NOTHING)
        if unheeded:
            raise ServiceError(
                "NotImplemented",
                f"cloudformation:{name} with {', '.join(unheeded)}: the embedded account does not carry this out; "
                "see docs/local.md",
            )
        return ActionResult(carry_out(request))

    return answer


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
