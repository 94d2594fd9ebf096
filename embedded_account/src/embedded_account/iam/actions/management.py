"""IAM, STS and CloudFormation.

Source: Service Authorization Reference, pages of these services.
"""

from collections.abc import Iterable
from typing import Any

from embedded_account.iam.actions.rules import ANY, FREE, Call, Need, Resources, Rule, each, on


def _entity(kind: str, member: str) -> Resources:
    """Return the ARN of a role, user or group by its name; with its path, where it is there already."""

    def resources(call: Call) -> list[str]:
        from moto.iam.models import iam_backends

        name = str(call.get(member) or "")
        known: dict[str, Any] = getattr(iam_backends[call.account_id]["aws"], f"{kind.replace('-', '_')}s")
        entity = next((one for one in list(known.values()) if one.name == name), None)
        path = call.get("Path") or "/"
        return [str(entity.arn) if entity else f"arn:aws:iam::{call.account_id}:{kind}{path}{name}"]

    return resources


def _own_user(call: Call) -> Iterable[str]:
    """Return the user that the request names, or who calls. Source: IAM API reference, ListAccessKeys: UserName."""
    if call.get("UserName"):
        return _entity("user", "UserName")(call)
    return [call.user_arn or f"arn:aws:iam::{call.account_id}:user/*"]


def _key_owner(call: Call) -> list[str]:
    """Return the user whose access key it is; any, where it is nobody's."""
    from moto.iam.models import iam_backends

    users = list(iam_backends[call.account_id]["aws"].users.values())
    owner = (user for user in users if any(key.access_key_id == call.get("AccessKeyId") for key in user.access_keys))
    return [next((str(user.arn) for user in owner), f"arn:aws:iam::{call.account_id}:user/*")]


def _own(kind: str, name: str) -> Resources:
    """Return the ARN of what is new, by its path and the member `name` of the request."""
    return lambda call: [f"arn:aws:iam::{call.account_id}:{kind}{call.get('Path') or '/'}{call.get(name) or ''}"]


def _of_provider(call: Call) -> list[str]:
    host = str(call.get("Url") or "").removeprefix("https://")
    return [f"arn:aws:iam::{call.account_id}:oidc-provider/{host}"]


def _handed_over(call: Call) -> list[Need]:
    """Return that the role of an instance profile is handed over to instances."""
    return [Need("iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"}) for role in _role_of(call)]


def _deleted_role(call: Call) -> list[str]:
    """Return the role of a deletion's id, which is task/PATH OF THE ROLE/UUID."""
    path = str(call.get("DeletionTaskId") or "").removeprefix("task").rpartition("/")[0]
    return [f"arn:aws:iam::{call.account_id}:role{path}"]


_role_of = _entity("role", "RoleName")
_ROLE = on(_role_of)
_USER = on(_own_user)
_GROUP = on(_entity("group", "GroupName"))
_POLICY = on("{PolicyArn}")
_PROFILE = on(_entity("instance-profile", "InstanceProfileName"))
_CERTIFICATE = on(_own("server-certificate", "ServerCertificateName"))
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
        ListUserTags ListGroupsForUser PutUserPermissionsBoundary DeleteUserPermissionsBoundary CreateLoginProfile
        GetLoginProfile UpdateLoginProfile DeleteLoginProfile EnableMFADevice DeactivateMFADevice ListMFADevices
        UploadSSHPublicKey GetSSHPublicKey UpdateSSHPublicKey DeleteSSHPublicKey ListSSHPublicKeys
        UploadSigningCertificate UpdateSigningCertificate DeleteSigningCertificate ListSigningCertificates""",
        _USER,
    ),
    "GetAccessKeyLastUsed": on(_key_owner),
    **each("AttachGroupPolicy DetachGroupPolicy", _GROUP.where(**_ATTACHING)),
    **each(
        """CreateGroup GetGroup DeleteGroup PutGroupPolicy GetGroupPolicy DeleteGroupPolicy ListGroupPolicies
        ListAttachedGroupPolicies AddUserToGroup RemoveUserFromGroup UpdateGroup""",
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
    "GetServiceLinkedRoleDeletionStatus": on(_deleted_role),
    "CreateInstanceProfile": _PROFILE.tagging("iam:TagInstanceProfile"),
    "AddRoleToInstanceProfile": _PROFILE.also(_handed_over),
    **each(
        """GetInstanceProfile DeleteInstanceProfile RemoveRoleFromInstanceProfile TagInstanceProfile
        UntagInstanceProfile""",
        _PROFILE,
    ),
    "CreateOpenIDConnectProvider": on(_of_provider).tagging("iam:TagOpenIDConnectProvider"),
    **each(
        """GetOpenIDConnectProvider DeleteOpenIDConnectProvider TagOpenIDConnectProvider UntagOpenIDConnectProvider
        ListOpenIDConnectProviderTags UpdateOpenIDConnectProviderThumbprint""",
        on("{OpenIDConnectProviderArn}"),
    ),
    "CreateSAMLProvider": on(lambda call: [f"arn:aws:iam::{call.account_id}:saml-provider/{call.get('Name')}"]),
    **each("GetSAMLProvider UpdateSAMLProvider DeleteSAMLProvider", on("{SAMLProviderArn}")),
    **each("UploadServerCertificate GetServerCertificate DeleteServerCertificate", _CERTIFICATE),
    "CreateVirtualMFADevice": on(_own("mfa", "VirtualMFADeviceName")),
    "DeleteVirtualMFADevice": on("{SerialNumber}"),
    "ListInstanceProfiles": on(
        lambda call: [f"arn:aws:iam::{call.account_id}:instance-profile{call.get('PathPrefix') or '/'}*"]
    ),
    **each(
        """ListRoles ListUsers ListGroups ListPolicies GetAccountSummary ListAccountAliases CreateAccountAlias
        DeleteAccountAlias GetAccountAuthorizationDetails GetAccountPasswordPolicy UpdateAccountPasswordPolicy
        DeleteAccountPasswordPolicy GenerateCredentialReport GetCredentialReport ListOpenIDConnectProviders
        ListSAMLProviders ListServerCertificates ListVirtualMFADevices""",
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
    **each("GetCallerIdentity GetAccessKeyInfo", FREE),
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
    **each("ListStacks ListExports ListImports ValidateTemplate", ANY),
}
