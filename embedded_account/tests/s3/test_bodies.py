"""A body that has to be XML, and is none or another, is a 400 with S3's own code.

Source: Amazon S3 API reference, "Error responses": MalformedXML, MissingRequestBodyError.
"""

import uuid

import pytest
from embedded_account.pytest_plugin import RunningAccount
from support.raw import send

pytestmark = pytest.mark.account

BUCKET_PARTS = (
    "accelerate", "cors", "encryption", "inventory", "lifecycle", "logging", "notification", "object-lock",
    "ownershipControls", "publicAccessBlock", "replication", "tagging", "versioning", "website",
)  # fmt: skip
OBJECT_PARTS = ("legal-hold", "retention", "tagging")
REQUESTS = [
    *(("PUT", f"?{part}=") for part in (*BUCKET_PARTS, "acl")),
    *(("PUT", f"k?{part}=") for part in (*OBJECT_PARTS, "acl")),
    ("PUT", "-new"),
    ("POST", "?delete="),
    ("POST", "k?uploadId={upload}"),
    ("POST", "k?restore="),
]
MALFORMED = {
    "text": b"no XML",
    "open": b"<a>",
    "crossed": b"<a></b>",
    "another root": b"<a></a>",
    "JSON": b'{"a": 1}',
    "bytes": b"\xff\xfe\x00",
}


@pytest.fixture(scope="module")
def place(account: RunningAccount) -> tuple[str, str]:
    """Give a versioned bucket with locks that has an object, and an upload to it."""
    bucket, s3 = f"bodies-{uuid.uuid4().hex[:8]}", account.client("s3")
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    return bucket, s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]


def _send(account: RunningAccount, place: tuple[str, str], method: str, query: str, body: bytes) -> tuple[int, str]:
    """Return the status and the code of an answer."""
    bucket, upload = place
    beside = query.format(upload=upload)
    path = f"/{bucket}{beside}" if beside.startswith("-") else f"/{bucket}/{beside}"
    headers = {"Content-Type": "text/xml", "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    headers |= {"Content-Length": "0"} if not body else {}
    status, answer = send(account.info, "s3", body, method=method, path=path, headers=headers)
    return status, answer.decode().partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize(("method", "query"), REQUESTS, ids="".join)
def test_body_that_is_no_such_xml_is_malformed(
    account: RunningAccount, place: tuple[str, str], method: str, query: str, body: bytes
) -> None:
    """No XML, and XML of another root, for every operation that has a body of it."""
    assert _send(account, place, method, query, body) == (400, "MalformedXML")


@pytest.mark.parametrize("part", [*BUCKET_PARTS, *(f"k?{part}" for part in OBJECT_PARTS)])
def test_body_that_is_missing_is_missed(account: RunningAccount, place: tuple[str, str], part: str) -> None:
    """Nothing is no empty configuration."""
    query = f"{part}=" if part.startswith("k?") else f"?{part}="

    assert _send(account, place, "PUT", query, b"") == (400, "MissingRequestBodyError")


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("versioning", "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>"),
        ("versioning", "<VersioningConfiguration><State>Enabled</State></VersioningConfiguration>"),
        ("lifecycle", "<LifecycleConfiguration/>"),
        ("lifecycle", "<LifecycleConfiguration><Rule><ID>a</ID></Rule></LifecycleConfiguration>"),
        (
            "lifecycle",
            "<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/>"
            "<Expiration><Days>ten</Days></Expiration></Rule></LifecycleConfiguration>",
        ),
        ("cors", "<CORSConfiguration/>"),
        ("encryption", "<ServerSideEncryptionConfiguration/>"),
        ("tagging", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"),
        (
            "publicAccessBlock",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>yes</BlockPublicAcls></PublicAccessBlockConfiguration>",
        ),
        ("replication", "<ReplicationConfiguration><Role>r</Role></ReplicationConfiguration>"),
    ],
)
def test_member_that_the_schema_has_not_is_malformed(
    account: RunningAccount, place: tuple[str, str], part: str, body: str
) -> None:
    """What is required is there, numbers are numbers, and a status is one of its set."""
    assert _send(account, place, "PUT", f"?{part}=", body.encode()) == (400, "MalformedXML")


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'])
def test_versioning_is_put_with_and_without_a_namespace(
    account: RunningAccount, place: tuple[str, str], namespace: str
) -> None:
    """Clients write either."""
    body = f"<VersioningConfiguration{namespace}><Status>Enabled</Status></VersioningConfiguration>"

    assert _send(account, place, "PUT", "?versioning=", body.encode())[0] == 200


@pytest.mark.parametrize("part", ["?analytics", "?intelligent-tiering", "?metrics", "?requestPayment", "k?encryption"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_configuration_that_is_not_carried_out_is_refused(
    account: RunningAccount, place: tuple[str, str], method: str, part: str
) -> None:
    """By its name; before, a PUT was answered as one of the bucket itself, and a GET with its objects."""
    status, code = _send(account, place, method, f"{part}=&id=a", b"<a/>" if method == "PUT" else b"")

    assert (status, code) == (501, "NotImplemented")


def test_grantee_has_its_type_as_an_attribute(account: RunningAccount, place: tuple[str, str]) -> None:
    """The one required member of S3's bodies that is no element: without it the body is malformed."""
    bucket, s3 = place[0], account.client("s3")
    group = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
    grants, owner = [{"Grantee": group, "Permission": "WRITE"}], s3.get_bucket_acl(Bucket=bucket)["Owner"]

    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Grants": grants, "Owner": owner})

    assert s3.get_bucket_acl(Bucket=bucket)["Grants"] == grants
    body = "<AccessControlPolicy><AccessControlList><Grant><Grantee><URI>u</URI></Grantee><Permission>READ</Permission>"
    body += f"</Grant></AccessControlList><Owner><ID>{owner['ID']}</ID></Owner></AccessControlPolicy>"
    assert _send(account, place, "PUT", "?acl=", body.encode()) == (400, "MalformedXML")
