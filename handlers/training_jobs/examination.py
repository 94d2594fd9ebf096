"""What the job that examined the images found in them, for the execution's record."""

from handlers.aws.logs import logger
from handlers.aws.objects import read, split_uri
from handlers.contract.errors import AwsNotFoundError
from handlers.contract.json_bounds import bounded_json
from handlers.contract.states import Features
from handlers.ledger import Ledger, Run

SUMMARY = "summary.json"  # ComputeFeatures' job writes it: a list of sentences
MAX_BYTES = 64 * 1024
MAX_MEMORY_BYTES = 1024 * 1024


def note(features: Features, execution_name: str, ledger: Ledger) -> None:
    """Write down what was found, and where; a job without a summary says nothing."""
    if not features.features_s3_uri:
        return
    bucket, prefix = split_uri(features.features_s3_uri)
    try:
        value = bounded_json(read(bucket, prefix + SUMMARY, MAX_BYTES), MAX_MEMORY_BYTES)
    except (AwsNotFoundError, ValueError) as error:
        logger.warning("no summary of the data", reason=str(error))
        return
    sentences = [str(sentence) for sentence in value] if isinstance(value, list) else []
    logger.info("data examined", sentences=sentences)
    Run(execution_name).note_data(ledger, sentences, features.features_s3_uri)
