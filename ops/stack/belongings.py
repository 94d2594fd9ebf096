"""What a stack and its executions have made, by name: known even where the stack is incomplete or half gone."""

from __future__ import annotations

from dataclasses import dataclass

from ops.session import Session
from ops.stack import stacks
from ops.stack.stacks import Stack


@dataclass(frozen=True)
class Belongings:
    """Names; "" where there is no such thing."""

    start_execution: str = ""
    standby: str = ""
    state_machine_arn: str = ""
    endpoint: str = ""
    data_bucket: str = ""
    model_package_group: str = ""


def of(session: Session, stack: Stack) -> Belongings:
    """Return the names from the stack's outputs, or else from its resources and parameters."""
    made = {
        entry["LogicalResourceId"]: entry.get("PhysicalResourceId", "") for entry in stacks.resources(session, stack)
    }

    def name(output: str, logical_id: str) -> str:
        return stack.outputs.get(output) or made.get(logical_id, "")

    group = name("ModelPackageGroupName", "ModelPackageGroup")
    endpoint = stack.outputs.get("EndpointName") or stack.parameters.get("EndpointName") or session.stack_name
    return Belongings(
        start_execution=name("StartExecutionFunctionName", "StartExecutionFunction"),
        standby=name("StandbyFunctionName", "StandbyFunction"),
        state_machine_arn=name("StateMachineArn", "StateMachine"),
        endpoint=endpoint if group else "",  # a stack that came as far as an endpoint has a group
        data_bucket=name("DataBucketName", "DataBucket"),
        model_package_group=group.rpartition("/")[2],
    )
