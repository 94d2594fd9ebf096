"""Lambda and Step Functions.

Source: Service Authorization Reference, "AWS Lambda" and "AWS Step Functions"; Lambda developer guide, "Resources and
conditions for Lambda actions".
"""

import re

from embedded_account.iam.actions.rules import ANY, Call, Rule, each, on
from embedded_account.iam.context import Value

_FUNCTION = re.compile(r"(?:arn:aws[\w-]*:lambda:[\w-]*:\d+:|\d+:)?(?:function:)?(?P<name>[^:]+)(?P<qualifier>:.+)?")
_STATES = "states"


def _function(call: Call) -> list[str]:
    """Return the function's ARN, its version or alias appended where the request names one."""
    given = str(call.get("FunctionName") or call.get("functionName") or "")
    match = _FUNCTION.fullmatch(given)
    qualifier = call.get("Qualifier")
    if match is None:
        return [call.arn(f"function:{given}")]
    suffix = f":{qualifier}" if qualifier else match["qualifier"] or ""
    return [call.arn(f"function:{match['name']}{suffix}")]


def _mapped(call: Call) -> dict[str, Value]:
    return {"lambda:FunctionArn": _function(call)[0]}


def _tagged(call: Call) -> list[str]:
    return [str(call.get("Resource") or call.get("resourceArn") or "")]


_ON_FUNCTION = on(_function)
_CONFIGURATION = _ON_FUNCTION.passing("Role", "lambda").where(lambda__Layer="Layers")
_LAYER = on("layer:{LayerName}")
_LAYER_VERSION = on("layer:{LayerName}:{VersionNumber}")

LAMBDA: dict[str, Rule] = {
    "Invoke": _ON_FUNCTION.named("lambda:InvokeFunction"),
    "InvokeWithResponseStream": _ON_FUNCTION.named("lambda:InvokeFunction"),
    "CreateFunction": _ON_FUNCTION.passing("Role", "lambda")
    .tagging("lambda:TagResource")
    .where(lambda__Layer="Layers"),
    "UpdateFunctionConfiguration": _ON_FUNCTION.passing("Role", "lambda").where(lambda__Layer="Layers"),
    "AddPermission": _ON_FUNCTION.where(
        lambda__Principal="Principal", lambda__FunctionUrlAuthType="FunctionUrlAuthType"
    ),
    **each(
        """GetFunction GetFunctionConfiguration GetPolicy UpdateFunctionCode DeleteFunction PublishVersion
        ListVersionsByFunction CreateAlias UpdateAlias DeleteAlias GetAlias ListAliases RemovePermission
        PutFunctionConcurrency GetFunctionConcurrency DeleteFunctionConcurrency PutFunctionEventInvokeConfig
        UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig
        ListFunctionEventInvokeConfigs PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig
        DeleteProvisionedConcurrencyConfig PutFunctionRecursionConfig GetFunctionRecursionConfig
        GetRuntimeManagementConfig GetFunctionCodeSigningConfig ListFunctionUrlConfigs""",
        _ON_FUNCTION,
    ),
    "ListProvisionedConcurrencyConfigs": _ON_FUNCTION,
    **each(
        "CreateFunctionUrlConfig UpdateFunctionUrlConfig GetFunctionUrlConfig DeleteFunctionUrlConfig",
        _ON_FUNCTION.where(lambda__FunctionUrlAuthType="AuthType"),
    ),
    **each("GetAccountSettings ListFunctions ListLayers ListLayerVersions ListEventSourceMappings", ANY),
    "PublishLayerVersion": _LAYER,
    **each(
        """GetLayerVersion DeleteLayerVersion AddLayerVersionPermission RemoveLayerVersionPermission
        GetLayerVersionPolicy""",
        _LAYER_VERSION,
    ),
    "CreateEventSourceMapping": ANY.knowing(_mapped),
    **each(
        "GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping", on("event-source-mapping:{UUID}")
    ),
    "GetLayerVersionByArn": on("{Arn}").named("lambda:GetLayerVersion"),
    **each("TagResource UntagResource ListTags", on(_tagged)),
}


def _token_holder(call: Call) -> list[str]:
    """Return the state machine whose execution waits for the task token; all of them for a token no one waits for.

    The Service Authorization Reference lists no resource for SendTask*, and AWS's own policies (the CDK's
    grantTaskResponse, SAM's callback policy) name the state machine.
    """
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    backend = stepfunctions_parser_backends[call.account_id][call.region]
    token = call.get("taskToken")
    for machine in list(backend.state_machines):
        for execution in list(getattr(machine, "executions", ())):
            worker = getattr(execution, "exec_worker", None)
            pool = getattr(getattr(worker, "env", None), "callback_pool_manager", None)
            if token in (pool._pool if pool is not None else getattr(worker, "tokens", ())):
                return [str(machine.arn)]
    return [call.arn("stateMachine:*")]


_MACHINE = on("{stateMachineArn}")
_EXECUTION = on("{executionArn}")
_NEW_MACHINE = on("stateMachine:{name}").passing("roleArn", _STATES).tagging("states:TagResource")

STATES: dict[str, Rule] = {
    "CreateStateMachine": _NEW_MACHINE,
    "UpdateStateMachine": _MACHINE.passing("roleArn", _STATES),
    **each(
        """StartExecution StartSyncExecution DescribeStateMachine DeleteStateMachine ListExecutions
        PublishStateMachineVersion ListStateMachineVersions ListStateMachineAliases""",
        _MACHINE,
    ),
    **each(
        """DescribeExecution StopExecution GetExecutionHistory RedriveExecution DescribeStateMachineForExecution
        ListMapRuns""",
        _EXECUTION,
    ),
    **each("SendTaskSuccess SendTaskFailure SendTaskHeartbeat", on(_token_holder)),
    **each("ListStateMachines ListActivities ValidateStateMachineDefinition", ANY),
    **each("TagResource UntagResource ListTagsForResource", on("{resourceArn}")),
}
