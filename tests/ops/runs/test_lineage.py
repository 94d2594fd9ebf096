"""ops/runs/lineage.py: a model's statement is held to the bytes, with no AWS, and found from an answer."""

import hashlib
import json
from pathlib import Path

import pytest

from ops.errors import ReportError
from ops.runs.lineage import answered_by, on_disk, rows, save, verify

RUN = "pets-0123456789ab-1"
EVALUATION = {"test_top1": 0.95, "num_test_images": 4, "training_job_name": RUN, "dataset_fingerprint": "5f"}
FILES = {
    "model.tar.gz": b"weights",
    "evaluation.json": json.dumps(EVALUATION).encode(),
    "pictures.jsonl": b"{}",
    "sourcedir.tar.gz": b"code",
}


def _sha256(name: str) -> str:
    return hashlib.sha256(FILES[name]).hexdigest()


def _resource(name: str) -> dict[str, object]:
    return {"name": name, "uri": f"s3://bucket/runs/{RUN}/{name}", "digest": {"sha256": _sha256(name)}}


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    """Give a statement with the files that it names beside it."""
    source = f"s3://artifacts/source/{_sha256('sourcedir.tar.gz')[:32]}/sourcedir.tar.gz"
    given = {"dataset": "pets", "datasetFingerprint": "5f", "numPictures": [16, 4, 4], "settings": {"seed": 1}}
    gate = {"accuracy": 0.95, "threshold": 0.9, "numTestImages": 4, "evidence": "lowest recall 0.90, of class 'cat'"}
    definition = {
        "externalParameters": given,
        "internalParameters": {"tunedHyperparameters": {"lr": "0.01"}, "gate": gate},
        "resolvedDependencies": [_resource("pictures.jsonl"), {"name": "code", "uri": source}],
    }
    details = {"metadata": {"invocationId": f"arn:execution:{RUN}"}, "byproducts": []}
    document = {
        "subject": [_resource("model.tar.gz"), _resource("evaluation.json")],
        "predicate": {"buildDefinition": definition, "runDetails": details},
    }
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    path = tmp_path / "provenance.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_statement_agrees_with_what_lies_beside_it(statement: Path) -> None:
    """Artifact, evaluation, pictures and code by their bytes; the gate's numbers by the evaluation's."""
    held = verify(on_disk(statement))

    assert [one.what for one in held][:4] == ["model.tar.gz", "evaluation.json", "pictures.jsonl", "code"]
    assert [one.problem for one in held] == [""] * 8


@pytest.mark.parametrize(("name", "what"), [(name, "code" if "source" in name else name) for name in FILES])
def test_one_changed_byte_is_found(statement: Path, name: str, what: str) -> None:
    """Whichever file it is in, that one is named."""
    (statement.parent / name).write_bytes(FILES[name] + b" ")

    assert [one.what for one in verify(on_disk(statement)) if one.problem] == [what]


def test_a_statement_that_says_more_than_its_evaluation_is_found(statement: Path) -> None:
    """Another accuracy was written into it."""
    statement.write_text(statement.read_text().replace("0.95", "0.99"))

    (problem,) = [one for one in verify(on_disk(statement)) if one.problem]
    assert problem.what == "evaluation.json: test accuracy"
    assert problem.problem == "0.95; the statement says 0.99"


def test_a_missing_file_is_named(statement: Path) -> None:
    """What cannot be read proves nothing."""
    (statement.parent / "model.tar.gz").unlink()

    assert verify(on_disk(statement))[0].problem.startswith("cannot be read: ")


def test_the_chain_is_told_in_names_and_values(statement: Path) -> None:
    """Model, data, code, settings and gate."""
    told = dict(rows(on_disk(statement)))

    assert told["model.tar.gz"].endswith(f"sha256:{_sha256('model.tar.gz')}")
    assert told["dataset"] == "pets, 16 training, 4 validation, 4 test pictures, fingerprint 5f"
    assert told["gate"] == "accuracy 0.9500 on 4 pictures, threshold 0.9"
    assert told["evidence"] == "lowest recall 0.90, of class 'cat'"
    assert told["settings"] == "seed=1"


def test_a_job_of_an_earlier_run_is_held_to_its_own_name(statement: Path) -> None:
    """What one run trained another has judged and deployed: the statement names the job, and the evaluation does."""
    other = statement.read_text().replace(f"arn:execution:{RUN}", "arn:execution:pets-0123456789ab-2")
    named = other.replace('"tunedHyperparameters"', f'"trainingJob": "{RUN}", "tunedHyperparameters"')

    statement.write_text(other)
    wrong = [one.what for one in verify(on_disk(statement)) if one.problem]
    statement.write_text(named)
    right = [one.what for one in verify(on_disk(statement)) if one.problem]

    assert (wrong, right) == (["evaluation.json: training job"], [])


def test_what_is_saved_can_be_verified(statement: Path, tmp_path: Path) -> None:
    """In another folder, as on another machine."""
    saved = save(on_disk(statement), tmp_path / "evidence")

    assert not [one for one in verify(on_disk(saved)) if one.problem]


@pytest.mark.parametrize(
    "answer",
    [
        {"model": {"training_job_name": RUN}},
        {"statusCode": 200, "body": json.dumps({"model": {"training_job_name": RUN}})},
        {"results": [{"status": 404}, {"status": 200, "model": {"training_job_name": RUN}}]},
    ],
    ids=["over HTTP", "of an invocation", "of several pictures"],
)
def test_an_answer_names_its_run(answer: object) -> None:
    """Each form in which the prediction function answers."""
    assert answered_by(json.dumps(answer)) == RUN


@pytest.mark.parametrize("text", ["", "[]", "[[1.0]]", '{"model": {}}', '{"body": "x"}', '{"results": []}'])
def test_what_is_no_answer_is_refused(text: str) -> None:
    """Bare logits name no model."""
    with pytest.raises(ReportError, match=r"no answer of the prediction function, which has model\.training_job_name"):
        answered_by(text)


def test_a_damaged_statement_is_refused(statement: Path) -> None:
    """Nothing is told of what cannot be read."""
    statement.write_text('{"subject": []}')

    with pytest.raises(ReportError, match="it is damaged"):
        rows(on_disk(statement))
