"""IAM, STS and CloudFormation.

Source: Service Authorization Reference, pages of these services.
"""

from typing import Any

from embedded_account.iam.actions.rules import ANY, FREE, Call, Resources, Rule, each, on


def _entity(kind: str, member: str) -> Resources:
    """Return the ARN of a role, user or group by its name; with its path, where it is there already."""

    def resources(call: Call) -> list[str]:
        from moto.iam.models import iam_backends

        name = str(call.get(member) or "")
        known: dict[str, Any] = getattr(iam_backends[call.account_id]["aws"], f"{kind}s")
        entity = next((one for one in list(known.values()) if one.name == name), None)
        path = call.get("Path") or "/"
        return [str(entity.arn) if entity else f"arn:aws:iam::{call.account_id}:{kind}{path}{name}"]

    return resources


def _own_user(call: Call) -> list[str]:
    name = str(call.get("UserName") or "")
    return _entity("user", "UserName")(call) if name else [f"arn:aws:iam::{call.account_id}:user/*"]  # type: ignore[return-value]


_ROLE = on(_entity("role", "RoleName"))
_USER = on(_own_user)
_GROUP = on(_entity("group", "GroupName"))
_POLICY = on("{PolicyArn}")
_ATTACHING = {"iam__PolicyARN": "PolicyArn"}
_BOUNDED = {"iam__PermissionsBoundary": "PermissionsBoundary"}

IAM: dict[str, Rule] = {
    "CreateRole": _ROLE.tagging("iam:TagRole").where(**_BOUNDED),
    **each("PutRolePermissionsBoundary", _ROLE.where(**_BOUNDED)),
    **each("AttachRolePolicy DetachRolePolicy", _ROLE.where(**_ATTACHING)),
    **each(
        """GetRole DeleteRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy PutRolePolicy GetRolePolicy
        DeleteRolePolicy ListRolePolicies ListAttachedRolePolicies TagRole UntagRole ListRoleTags
        DeleteRolePermissionsBoundary ListInstanceProfilesForRole""",
        _ROLE,
    ),
    "CreateUser": _USER.tagging("iam:TagUser").where(**_BOUNDED),
    **each("AttachUserPolicy DetachUserPolicy", _USER.where(**_ATTACHING)),
    **each(
        """GetUser DeleteUser UpdateUser PutUserPolicy GetUserPolicy DeleteUserPolicy ListUserPolicies
        ListAttachedUserPolicies CreateAccessKey DeleteAccessKey UpdateAccessKey ListAccessKeys TagUser UntagUser
        ListUserTags ListGroupsForUser PutUserPermissionsBoundary DeleteUserPermissionsBoundary""",
        _USER,
    ),
    **each("AttachGroupPolicy DetachGroupPolicy", _GROUP.where(**_ATTACHING)),
    **each(
        """CreateGroup GetGroup DeleteGroup PutGroupPolicy GetGroupPolicy DeleteGroupPolicy ListGroupPolicies
        ListAttachedGroupPolicies AddUserToGroup RemoveUserFromGroup""",
        _GROUP,
    ),
    "CreatePolicy": on(
        lambda call: [f"arn:aws:iam::{call.account_id}:policy{call.get('Path') or '/'}{call.get('PolicyName')}"]
    ),
    **each(
        """GetPolicy DeletePolicy CreatePolicyVersion GetPolicyVersion DeletePolicyVersion ListPolicyVersions
        SetDefaultPolicyVersion ListEntitiesForPolicy TagPolicy UntagPolicy ListPolicyTags""",
        _POLICY,
    ),
    "CreateServiceLinkedRole": on(
        lambda call: [f"arn:aws:iam::{call.account_id}:role/aws-service-role/{call.get('AWSServiceName')}/*"]
    ).where(iam__AWSServiceName="AWSServiceName"),
    "DeleteServiceLinkedRole": _ROLE,
    **each(
        """ListRoles ListUsers ListGroups ListPolicies GetAccountSummary ListAccountAliases
        GetAccountAuthorizationDetails""",
        ANY,
    ),
}

STS: dict[str, Rule] = {
    "AssumeRole": on("{RoleArn}").where(
        sts__ExternalId="ExternalId",
        sts__RoleSessionName="RoleSessionName",
        sts__SourceIdentity="SourceIdentity",
        sts__TransitiveTagKeys="TransitiveTagKeys",
    ),
    "GetCallerIdentity": FREE,
}


def _stack(call: Call) -> list[str]:
    name = str(call.get("StackName") or "")
    return [name if name.startswith("arn:") else call.arn(f"stack/{name}/*" if name else "stack/*/*")]


_STACK = on(_stack)
CLOUDFORMATION: dict[str, Rule] = {
    **each(
        "CreateStack UpdateStack DeleteStack CreateChangeSet",
        _STACK.tagging("cloudformation:TagResource")
        .passing("RoleARN", "cloudformation")
        .where(
            cloudformation__RoleArn="RoleARN",
            cloudformation__ChangeSetName="ChangeSetName",
            cloudformation__ResourceTypes="ResourceTypes",
            cloudformation__TemplateUrl="TemplateURL",
        ),
    ),
    **each(
        "DescribeChangeSet ExecuteChangeSet DeleteChangeSet",
        _STACK.where(cloudformation__ChangeSetName="ChangeSetName"),
    ),
    **each(
        """DescribeStacks DescribeStackEvents DescribeStackResource DescribeStackResources ListStackResources
        ListChangeSets GetTemplate CancelUpdateStack ContinueUpdateRollback RollbackStack
        UpdateTerminationProtection""",
        _STACK,
    ),
    "GetTemplateSummary": on(lambda call: _stack(call) if call.get("StackName") else ["*"]),
    **each("ListStacks ValidateTemplate", ANY),
}
