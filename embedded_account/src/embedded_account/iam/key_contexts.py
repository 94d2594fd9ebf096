"""What KMS is told when a service asks for a key in a caller's name.

Source: KMS developer guide, "AWS KMS condition keys": kms:CallerAccount, kms:ViaService, kms:EncryptionContext.
"""

from embedded_account.account import Account


def key_context(account: Account, service: str, name: str, arn: str) -> dict[str, str]:
    """Return the condition keys of a use of a key by `service`, which encrypts for `arn`, by the context's `name`."""
    return {
        "kms:CallerAccount": account.account_id,
        "kms:ViaService": f"{service}.{account.region}.amazonaws.com",
        f"kms:EncryptionContext:{name}": arn,
        "kms:EncryptionContextKeys": name,
    }
