"""A permissions boundary is a policy that there is. Source: IAM API reference, CreateRole."""

import json

import pytest
from botocore.exceptions import ClientError
from embedded_account.pytest_plugin import RunningAccount

pytestmark = pytest.mark.account

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
MISSING = "arn:aws:iam::123456789012:policy/none"


def test_boundary_that_is_not_there_is_refused(account: RunningAccount) -> None:
    """And no role is made; a policy of AWS's is there."""
    iam, role = (
        account.client("iam"),
        {"RoleName": "bound", "AssumeRolePolicyDocument": json.dumps({"Statement": [TRUST]})},
    )

    with pytest.raises(ClientError, match=r"\(NoSuchEntity\).*Scope ARN: .*none does not exist or is not attachable"):
        iam.create_role(**role, PermissionsBoundary=MISSING)

    iam.create_role(**role, PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    with pytest.raises(ClientError, match=r"\(NoSuchEntity\).*Scope ARN"):
        iam.put_role_permissions_boundary(RoleName="bound", PermissionsBoundary=MISSING)
