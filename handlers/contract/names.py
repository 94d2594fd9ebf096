"""Names derived from an execution: a retried state meets its own earlier job instead of paying for a second one.

SageMaker's limits: training jobs, models, endpoint configs and packages 63 characters, tuning jobs 32, all of letters,
digits and single or repeated hyphens between them. An execution name is `{dataset}-{run key}-{attempt}`.
"""

import hashlib
import re
import unicodedata

MAX_DATASET_CHARACTERS = 40
RUN_KEY_CHARACTERS = 12
MAX_ATTEMPT = 99_999
MAX_JOB_CHARACTERS = 63
TAG_PREFIX = "retriever:"
STACK_TAG = f"{TAG_PREFIX}Stack"  # by which roles, and `deploy.py down`, tell what is the stack's
SERVES_NOTHING = ("Failed", "Deleting", "OutOfService")  # SageMaker's EndpointStatus where no request is answered
VARIANT_NAME = "AllTraffic"  # of every endpoint that the stack deploys
_JOB_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
_EXECUTION_NAME = re.compile(
    r"(?P<dataset>[A-Za-z0-9](?:-*[A-Za-z0-9])*)-(?P<run_key>[0-9a-f]{12})-(?P<attempt>\d{1,5})"
)


def run_key(dataset_name: str, fingerprint: str, training_source_s3_uri: str, settings_digest: str) -> str:
    """Return the 12 characters that change when the data, the code or a setting of the model changes."""
    parts = "\n".join((dataset_name, fingerprint, training_source_s3_uri, settings_digest))
    return hashlib.sha256(parts.encode()).hexdigest()[:RUN_KEY_CHARACTERS]


def execution_name(dataset_name: str, key: str, attempt: int) -> str:
    """Return the name of attempt `attempt` (1..99,999) of a run; also valid for jobs and endpoint configs."""
    if not 1 <= attempt <= MAX_ATTEMPT:
        raise ValueError(f"attempt: {attempt}; expected 1..{MAX_ATTEMPT}")
    return f"{_slug(dataset_name, MAX_DATASET_CHARACTERS)}-{key}-{attempt}"


def run_key_of(execution: str) -> str:
    """Return the run key of an execution, or 12 characters of its own for one that was started under another name."""
    match = _EXECUTION_NAME.fullmatch(execution)
    return match["run_key"] if match else hashlib.sha256(execution.encode()).hexdigest()[:RUN_KEY_CHARACTERS]


def training_job_name(execution: str) -> str:
    """Return the final training job's name; models, endpoint configs and packages share it."""
    return execution


def model_card_name(execution: str) -> str:
    """Return the name of the card of the model that an execution has registered."""
    return execution


def unpacking_job_name(execution: str) -> str:
    """Return the name of the job that unpacks an archive, distinct for every attempt of every run."""
    return _with_tail(execution, "unpacking")


def features_job_name(execution: str) -> str:
    """Return the name of the job that computes features, distinct for every attempt of every run."""
    return _with_tail(execution, "features")


def trials_job_name(execution: str) -> str:
    """Return the name of the training job in which all trials of a search are trained."""
    return _with_tail(execution, "tuning")


def is_trials_job(job_name: str) -> bool:
    """Tell the training job of all trials from a tuning job, whose name ends in a number or a digest."""
    return job_name.endswith("-tuning")


def shadow_config_name(execution: str) -> str:
    """Return the name of the endpoint config in which an execution's model is the shadow of the one that serves."""
    return _with_tail(execution, "shadow")


def _with_tail(execution: str, tail: str) -> str:
    """Return an execution's name with `tail`, within 63 characters, distinct for every attempt of every run."""
    match = _EXECUTION_NAME.fullmatch(execution)
    if match:
        tail = f"{match['run_key']}-{match['attempt']}-{tail}"
        return f"{_slug(match['dataset'], MAX_JOB_CHARACTERS - 1 - len(tail))}-{tail}"
    digest = hashlib.sha256(execution.encode()).hexdigest()[:12]
    return f"{_slug(execution, 40)}-{digest}-{tail}"


def tuning_job_name(execution: str) -> str:
    """Return the tuning job's name, at most 32 characters, distinct for every attempt of every run."""
    match = _EXECUTION_NAME.fullmatch(execution)
    if match:
        tail = f"{match['run_key'][:10]}-{match['attempt']}"
        return f"{_slug(match['dataset'], min(16, 31 - len(tail)))}-{tail}"
    # An execution started by hand may have any name: a digest keeps it distinct within 32 characters.
    digest = hashlib.sha256(execution.encode()).hexdigest()[:12]
    return f"{_slug(execution, 16)}-{digest}"


def name_problem(execution: str) -> str:
    """Return why jobs and models cannot have the name of an execution that was started by hand, or ""."""
    if _JOB_NAME.fullmatch(execution):
        return ""
    return (
        f"execution name {execution!r}: its jobs and model bear it, so at most {MAX_JOB_CHARACTERS} letters, digits "
        "and hyphens between them are allowed; start it under another name, or with `deploy.py start DATASET`"
    )


def client_token(execution: str) -> str:
    """Return the idempotency token with which a retried state registers no second model package."""
    return hashlib.sha256(execution.encode()).hexdigest()[:36]


def tag_value(value: str) -> str:
    """Return `value` with the characters that AWS refuses in a tag replaced by underscores, at most 256 long."""
    return re.sub(r"[^\w .:/=+\-@]", "_", unicodedata.normalize("NFC", value))[:256]


def _slug(value: str, limit: int) -> str:
    """Return `value` reduced to what a SageMaker name may hold, at most `limit` characters, never empty."""
    dashed = re.sub(r"[^A-Za-z0-9]+", "-", value).strip("-")[:limit].strip("-")
    return dashed or "dataset"
