"""provenance.json: what a model was made from and how it was judged, with the SHA-256 of all that can be held to it.

Source: in-toto Attestation Framework, Statement v1; SLSA v1.0, Provenance.
"""

import hashlib
import json
from typing import Any, NamedTuple

from handlers.aws.objects import SeekableObject, head, split_uri, write
from handlers.contract.settings import Settings
from handlers.contract.states import RegisterModelInput

MEMBER = "provenance.json"
_CHUNK_BYTES = 1024 * 1024


class Stored(NamedTuple):
    """Where a statement lies, and its own SHA-256."""

    s3_uri: str
    sha256: str


def keep(step: RegisterModelInput, settings: Settings, artifact_sha256: str, evaluation_sha256: str) -> Stored:
    """Write the statement of a run's model into its folder."""
    text = statement(step, settings, artifact_sha256, evaluation_sha256)
    uri = write(settings.bucket_name, f"runs/{step.execution_name}/{MEMBER}", text, "application/json")
    return Stored(uri, hashlib.sha256(text).hexdigest())


def sha256_of(s3_uri: str) -> str:
    """Return the SHA-256 of an object, read once and in parts."""
    bucket, key = split_uri(s3_uri)
    digest = hashlib.sha256()
    with SeekableObject(bucket, head(bucket, key)) as stored:
        while part := stored.read(_CHUNK_BYTES):
            digest.update(part)
    return digest.hexdigest()


def statement(step: RegisterModelInput, settings: Settings, artifact_sha256: str, evaluation_sha256: str) -> bytes:
    """Return the statement as it is stored; a repeated state makes the same bytes, so it holds no time."""
    training, evaluation, dataset = step.training, step.evaluation, step.dataset
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            _resource("model.tar.gz", training.model_data_url, artifact_sha256),
            _resource("evaluation.json", evaluation.evaluation_s3_uri, evaluation_sha256),
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:retriever:pipeline:v1",
                "externalParameters": {
                    "dataset": dataset.name,
                    "datasetS3Uri": dataset.s3_uri,
                    "datasetFingerprint": dataset.fingerprint,
                    "numPictures": [dataset.num_train, dataset.num_validation, dataset.num_test],
                    "settings": settings.model_settings(),
                },
                "internalParameters": {
                    "tunedHyperparameters": step.tuning.hyper_parameters,
                    "trainingJob": training.training_job_name,
                    "gate": {
                        "accuracy": evaluation.accuracy,
                        "threshold": evaluation.threshold,
                        "numTestImages": evaluation.num_test_images,
                        "evidence": evaluation.evidence,
                    },
                },
                "resolvedDependencies": _materials(step, settings),
            },
            "runDetails": {
                "builder": {"id": settings.state_machine_arn},
                "metadata": {"invocationId": settings.execution_arn(step.execution_name)},
                "byproducts": [
                    {"name": "tuning job", "uri": step.tuning.tuning_job_arn},
                    {"name": "training job", "uri": training.training_job_arn},
                ],
            },
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode()


def _materials(step: RegisterModelInput, settings: Settings) -> list[dict[str, Any]]:
    """Return what went in; the source archive's URI holds the first half of its SHA-256."""
    pictures = [_resource("pictures.jsonl", step.dataset.pictures_s3_uri, step.dataset.pictures_sha256)]
    return [
        *(pictures if step.dataset.pictures_s3_uri else []),
        {"name": "code", "uri": settings.training_source_s3_uri},
        {"name": "training image", "uri": settings.training_image_uri},
        {"name": "inference image", "uri": settings.inference_image_uri},
        *([{"name": "starting weights", "uri": settings.weights_s3_uri}] if settings.weights_s3_uri else []),
    ]


def _resource(name: str, uri: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "uri": uri, "digest": {"sha256": sha256}}
