"""Application Auto Scaling: target tracking that really adds and removes endpoint instances."""

from embedded_account.account import Account
from embedded_account.autoscaling.scaling import Scaling
from embedded_account.wiring.serving import serve


def install(account: Account) -> None:
    """Serve Application Auto Scaling for the variants of endpoints, on the account's clock."""
    scaling = Scaling(account)
    account.alarm_actions["autoscaling"] = scaling.on_alarm
    table = {
        "RegisterScalableTarget": scaling.register,
        "DeregisterScalableTarget": scaling.deregister,
        "DescribeScalableTargets": scaling.describe_targets,
        "PutScalingPolicy": scaling.put_policy,
        "DeleteScalingPolicy": scaling.delete_policy,
        "DescribeScalingPolicies": scaling.describe_policies,
        "DescribeScalingActivities": scaling.describe_activities,
        "PutScheduledAction": scaling.put_scheduled_action,
        "DescribeScheduledActions": scaling.scheduled.describe,
        "DeleteScheduledAction": scaling.scheduled.delete,
    }
    serve(account, "application-autoscaling", table)
