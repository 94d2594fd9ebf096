"""Between the jobs of an execution: are the pictures still those that it began with?"""

from handlers.contract.errors import DatasetChangedError
from handlers.contract.states import Dataset, Features
from handlers.datasets.pictures import check_pictures
from handlers.ledger import Features as Noted
from handlers.ledger import Ledger


def require_unchanged(dataset: Dataset, features: Features, ledger: Ledger) -> None:
    """Refuse pictures that changed since the run began; features that may be of theirs are never used again.

    Raises:
        DatasetChangedError: naming the first picture.
    """
    if not dataset.pictures_s3_uri:  # of an execution that began under an older version
        return
    try:
        check_pictures(dataset)
    except DatasetChangedError:
        if features.key:
            Noted(features.key).forget(ledger)
        raise
