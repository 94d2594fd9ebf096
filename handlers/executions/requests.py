"""Which dataset a request by hand or by schedule is about."""

from datasets.archives import ARCHIVE_SUFFIXES
from datasets.fingerprint import MARKER
from handlers.aws.objects import head
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.settings import Settings
from handlers.datasets.uploads import parse_key
from handlers.ledger import Dataset, Ledger


def newest(ledger: Ledger) -> tuple[str, str] | None:
    """Return name and URI of the dataset that was uploaded last."""
    uploaded = [(one.uploaded_at, one.name, one.s3_uri) for one in Dataset.all(ledger) if one.uploaded_at]
    latest = max(uploaded, default=None)
    return latest[1:] if latest else None


def locate(name: str, ledger: Ledger, settings: Settings) -> tuple[str, str] | None:
    """Return name and URI of a complete dataset in the bucket; of a folder and an archive, what was uploaded last."""
    noted = Dataset.get(ledger, name)
    latest = noted.s3_uri if noted else ""
    prefix = f"s3://{settings.bucket_name}/"
    keys = [f"datasets/{name}/{MARKER}", *(f"datasets/{name}{suffix}" for suffix in ARCHIVE_SUFFIXES)]
    keys.sort(key=lambda key: prefix + key.removesuffix(MARKER) != latest)
    for key in keys:
        try:
            head(settings.bucket_name, key)
        except AwsNotFoundError:
            continue
        return parse_key(settings.bucket_name, key)
    return None
