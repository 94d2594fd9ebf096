"""S3: a key of KMS that an object is to be encrypted with is there and may be used.

Source: Amazon S3 user guide, "Troubleshooting server-side encryption with AWS KMS keys"; KMS developer guide, "Key
states of AWS KMS keys". S3 puts the service before the name of KMS's own error.
"""

from typing import Any

from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeKey, FakeMultipart

from embedded_account.account import Account
from embedded_account.iam.object_keys import OF_AWS, state_refusal
from embedded_account.kms.keys import Keys


class KmsError(S3ClientError):
    """A key that no object can be encrypted with."""


def install(account: Account) -> None:
    """Look at the key of each object and each upload that is begun."""
    keys = account.singleton(Keys)
    for kind in (FakeKey, FakeMultipart):
        _check(kind, keys)


def key_of(bucket: Any) -> str | None:
    """Return the key that a bucket's objects are encrypted with by default; None where S3's own is."""
    rule = (bucket.encryption or {}).get("Rule") or {}
    key: str | None = (rule.get("ApplyServerSideEncryptionByDefault") or {}).get("KMSMasterKeyID")
    return key


def _check(kind: Any, keys: Keys) -> None:
    made = kind.__init__

    def initialise(self: Any, *positional: Any, **named: Any) -> None:
        if named.get("kms_key_id"):
            _require(keys, named["kms_key_id"])
        made(self, *positional, **named)

    assert "kms_key_id" in made.__code__.co_varnames, f"{kind.__name__} takes no key; was moto upgraded?"
    kind.__init__ = initialise


def _require(keys: Keys, name: str) -> None:
    """Return when objects can be encrypted with the key `name`.

    Raises:
        KmsError: it is not there, or is out of use.
    """
    if name.rpartition(":")[2] == OF_AWS:
        return
    key = keys.find(name)
    if key is None:
        shown = f"Key '{name}' does not exist" if name.startswith("arn:") else f"Invalid keyId '{name}'"
        raise KmsError("KMS.NotFoundException", shown)
    refused = state_refusal(key)
    if refused:
        raise KmsError(*refused)
