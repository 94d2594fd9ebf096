"""`deploy.py lineage`: what a prediction's model was made from and how it was judged, and whether the bytes say so too.

A model's statement is `runs/RUN/provenance.json` in the data bucket, in in-toto's form; its own SHA-256 is in the model
package. Beside the files that it names it can be verified with no AWS at all.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from handlers.ledger import Run
from handlers.ledger.history import origin
from ops.errors import ReportError, error_code
from ops.runs import executions, model_cards
from ops.session import Session
from ops.stack.stacks import Stack

STATEMENT = "provenance.json"
_EVALUATION = "evaluation.json"
_CHUNK_BYTES = 1024 * 1024
_HASH_CHARACTERS = 32  # of a SHA-256, in the source archive's URI


@dataclass(frozen=True)
class Lineage:
    """A statement, and how to get at the bytes of what it names."""

    run: str
    text: bytes
    chunks: Callable[[str], Iterator[bytes]]  # of a resource, by its URI
    expected_sha256: str = ""  # of the statement, by the model package; "" where that is not asked
    card: str = ""  # SageMaker's card of the model, or why there is none; "" where that is not asked

    @property
    def statement(self) -> dict[str, Any]:
        """Return the parsed statement.

        Raises:
            ReportError: it is none.
        """
        try:
            document = json.loads(self.text)
            document["predicate"]["buildDefinition"]["externalParameters"]["dataset"]
            document["subject"][1]["digest"]["sha256"]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ReportError(f"statement of {self.run!r}: {error!r}; it is damaged, so nothing is sure") from error
        return dict(document)


@dataclass(frozen=True)
class Held:
    """One thing that was held to another; `problem` is "" where they agree."""

    what: str
    problem: str


def run_of(session: Session, stack: Stack, target: str) -> str:
    """Return the run that trained the model which TARGET names or was answered by.

    Raises:
        ReportError: nothing of that name is known.
    """
    named = _named(session, stack, target)
    run = Run.get(executions.ledger(session, stack), named)
    if run is None:
        raise ReportError(
            f"{target!r}: no run, model version, artifact or answer of this stack; `deploy.py models{session.flags}`"
            " lists the runs"
        )
    return origin(run if run.model_package_arn else _judged_later(session, stack, run))


def _judged_later(session: Session, stack: Stack, run: Run) -> Run:
    """Return the last run whose gate has accepted the model that this one trained and did not deploy, or the run."""
    ledger = executions.ledger(session, stack)
    others = [one for one in Run.all(ledger) if one.training_job_name == run.execution_name and one.model_package_arn]
    return max(others, key=lambda one: one.started_at or "", default=run)


def _named(session: Session, stack: Stack, target: str) -> str:
    if target == "-" or Path(target).is_file():
        return answered_by(sys.stdin.read() if target == "-" else Path(target).read_text(encoding="utf-8"))
    if target.startswith("s3://"):
        _, _, rest = target.partition("/runs/")
        return rest.partition("/")[0]
    if target.isdigit() or ":model-package/" in target:
        group = stack.output("ModelPackageGroupName")
        partition = stack.output("StateMachineArn").split(":")[1]
        arn = f"arn:{partition}:sagemaker:{session.region}:{session.account_id}:model-package/{group}/{target}"
        described = session.sagemaker.describe_model_package(ModelPackageName=target if ":" in target else arn)
        return described.get("CustomerMetadataProperties", {}).get("Execution", "")
    return target.rpartition(":")[2].rpartition("/")[2]


def answered_by(text: str) -> str:
    """Return the run whose model gave an answer of the prediction function, as it came or its body alone.

    Raises:
        ReportError: it is no such answer.
    """
    try:
        answer = json.loads(text)
        body = answer.get("body", answer)
        body = json.loads(body) if isinstance(body, str) else body
        body = next(one for one in body["results"] if "model" in one) if "results" in body else body
        return str(body["model"]["training_job_name"])
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ReportError(
            "the prediction: no answer of the prediction function, which has model.training_job_name; save the answer"
            " of an HTTP request or an invocation as it came"
        ) from error


def stored(session: Session, stack: Stack, run: str) -> Lineage:
    """Return the lineage of a run's model from the data bucket.

    Raises:
        ReportError: the run is older than statements, or its own is gone.
    """
    record = Run.get(executions.ledger(session, stack), run)
    package: Mapping[str, Any] = {}
    if record and record.model_package_arn:
        package = session.sagemaker.describe_model_package(ModelPackageName=record.model_package_arn)
    run = package.get("CustomerMetadataProperties", {}).get("Execution") or run  # which has registered it
    try:
        uri = f"s3://{stack.output('DataBucketName')}/runs/{run}/{STATEMENT}"
        text = b"".join(_of_bucket(session)(uri))
    except ClientError as error:
        if error_code(error) not in {"NoSuchKey", "404"}:
            raise
        raise ReportError(
            f"run {run!r}: has no {STATEMENT}; the gate has not accepted it, or an older version trained it;"
            f" `deploy.py status {run}{session.flags}` knows more"
        ) from error
    expected = package.get("CustomerMetadataProperties", {}).get("ProvenanceSha256", "")
    registered = Run.noted(executions.ledger(session, stack), run)
    return Lineage(run, text, _of_bucket(session), expected, model_cards.words(session, registered))


def on_disk(statement: Path) -> Lineage:
    """Return the lineage of a statement in a folder, with the files that it names beside it."""

    def chunks(uri: str) -> Iterator[bytes]:
        with (statement.parent / uri.rpartition("/")[2]).open("rb") as file:
            while part := file.read(_CHUNK_BYTES):
                yield part

    return Lineage(statement.parent.name, statement.read_bytes(), chunks)


def rows(lineage: Lineage) -> list[tuple[str, str]]:
    """Return the chain from model to data, code, settings and gate as names and values."""
    definition = lineage.statement["predicate"]["buildDefinition"]
    given, worked_out = definition["externalParameters"], definition["internalParameters"]
    train, validation, test = given["numPictures"]
    gate = worked_out["gate"]
    subjects = [(one["name"], f"{one['uri']} sha256:{one['digest']['sha256']}") for one in lineage.statement["subject"]]
    materials = [(one["name"], _described(one)) for one in definition["resolvedDependencies"]]
    pictures = f"{train} training, {validation} validation, {test} test pictures"
    return [
        ("run", lineage.run),
        *subjects,
        ("dataset", f"{given['dataset']}, {pictures}, fingerprint {given['datasetFingerprint']}"),
        *materials,
        ("settings", ", ".join(f"{name}={value}" for name, value in given["settings"].items() if value != "")),
        ("tuned", ", ".join(f"{name}={value}" for name, value in worked_out["tunedHyperparameters"].items())),
        ("gate", f"accuracy {gate['accuracy']:.4f} on {gate['numTestImages']} pictures, threshold {gate['threshold']}"),
        *([("evidence", gate["evidence"])] if gate.get("evidence") else []),
        *((one["name"], one["uri"]) for one in lineage.statement["predicate"]["runDetails"]["byproducts"]),
        *([("model card", lineage.card)] if lineage.card else []),
    ]


def _described(resource: Mapping[str, Any]) -> str:
    digest = resource.get("digest", {}).get("sha256", "")
    return f"{resource['uri']} sha256:{digest}" if digest else str(resource["uri"])


def verify(lineage: Lineage) -> list[Held]:
    """Hold statement, artifact, evaluation and materials to each other by their bytes."""
    document = lineage.statement
    definition = document["predicate"]["buildDefinition"]
    held = []
    if lineage.expected_sha256:
        same = hashlib.sha256(lineage.text).hexdigest() == lineage.expected_sha256
        held.append(Held("the statement, by the model package", "" if same else "its SHA-256 is another"))
    evaluation = b""
    for one in [*document["subject"], *definition["resolvedDependencies"]]:
        expected = one.get("digest", {}).get("sha256") or _of_uri(one)
        if not expected:
            continue
        digest = hashlib.sha256()
        try:
            for part in lineage.chunks(one["uri"]):
                digest.update(part)
                evaluation += part if one["name"] == _EVALUATION else b""
        except (OSError, ClientError) as error:
            held.append(Held(one["name"], f"cannot be read: {error}"))
            continue
        is_same = digest.hexdigest().startswith(expected)
        held.append(Held(one["name"], "" if is_same else f"its SHA-256 is {digest.hexdigest()}"))
    return [*held, *(Held(f"evaluation.json: {what}", problem) for what, problem in _judged(evaluation, document))]


def _of_uri(resource: Mapping[str, Any]) -> str:
    """Return the beginning of the SHA-256 that the source archive's URI holds."""
    part = resource["uri"].rpartition("/")[0].rpartition("/")[2] if resource["name"] == "code" else ""
    return part if len(part) == _HASH_CHARACTERS else ""


def _judged(evaluation: bytes, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the statement says of the evaluation, with what is wrong about it."""
    try:
        judged = json.loads(evaluation)
    except ValueError:
        return  # that it is not there, or has other bytes, was said
    definition = document["predicate"]["buildDefinition"]
    gate = definition["internalParameters"]["gate"]
    run = document["predicate"]["runDetails"]["metadata"]["invocationId"].rpartition(":")[2]
    job = definition["internalParameters"].get("trainingJob", run)  # of an earlier run, where that was found again
    pairs = [
        ("test accuracy", judged.get("test_top1"), gate["accuracy"]),
        ("test pictures", judged.get("num_test_images"), gate["numTestImages"]),
        ("training job", judged.get("training_job_name"), job),
        (
            "dataset fingerprint",
            judged.get("dataset_fingerprint"),
            definition["externalParameters"]["datasetFingerprint"],
        ),
    ]
    for what, value, expected in pairs:
        yield what, "" if value == expected else f"{value!r}; the statement says {expected!r}"


def save(lineage: Lineage, folder: Path) -> Path:
    """Write the statement, and all that it names by hash, into a folder, to be verified anywhere; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    definition = lineage.statement["predicate"]["buildDefinition"]
    for one in [*lineage.statement["subject"], *definition["resolvedDependencies"]]:
        if not (one.get("digest") or _of_uri(one)):
            continue
        with (folder / one["uri"].rpartition("/")[2]).open("wb") as file:
            file.writelines(lineage.chunks(one["uri"]))
    path = folder / STATEMENT
    path.write_bytes(lineage.text)
    return path


def _of_bucket(session: Session) -> Callable[[str], Iterator[bytes]]:
    def chunks(uri: str) -> Iterator[bytes]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        yield from session.s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK_BYTES)

    return chunks
