"""train.py as a program: in this process, as a plain script, and under AWS's own training toolkit."""

import json
import math
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.inference import input_fn, model_fn, predict_fn
from tests.training.pictures import write_images
from training import train

ROOT = Path(__file__).resolve().parents[2]
FAST = ["--model-name", "resnet18", "--weights", "none", "--image-size", "32", "--batch-size", "8"]
EPOCH_LINE = re.compile(
    r"^epoch=\d+ train_loss=[0-9.]+ train_top1=[0-9.]+ validation_loss=[0-9.]+ validation_top1=[0-9.]+"
    r" seconds=[0-9.]+ images_per_second=\d+(?: best_validation_top1=[0-9.]+)?$",
    re.MULTILINE,
)


@pytest.fixture
def job(image_folder: Path, tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """Flags and environment of a small job."""
    (tmp_path / "output").mkdir()
    flags = [*FAST, "--epochs", "2", "--data", str(image_folder), "--model-dir", str(tmp_path / "model")]
    return flags, {"SM_OUTPUT_DIR": str(tmp_path / "output"), "TRAINING_JOB_NAME": "job-1"}


def test_job_writes_metrics_model_and_evaluation(
    job: tuple[list[str], dict[str, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line an epoch for the metric regexes, an artifact that loads, and evaluation.json with all its parts."""
    flags, environ = job

    code = train.main([*flags, "--dataset-fingerprint", "abc"], environ)

    out = capsys.readouterr().out
    assert code == 0
    assert "golden" not in caplog.text, "they are about to be written"
    assert len(EPOCH_LINE.findall(out)) == 2
    assert re.search(r"^best_epoch=\d best_validation_top1=[0-9.]+$", out, re.MULTILINE)
    assert re.search(r"^test_loss=[0-9.]+ test_top1=[0-9.]+$", out, re.MULTILINE)
    model = json.loads((tmp_path / "model" / "model.json").read_text())
    assert model["class_names"] == ["blue", "green", "red"]
    assert (model["dataset_fingerprint"], model["training_job_name"]) == ("abc", "job-1")
    torch.load(tmp_path / "model" / "model.pt", weights_only=True)
    check_evaluation(json.loads((tmp_path / "model" / "evaluation.json").read_text()))


def check_evaluation(report: dict[str, Any]) -> None:
    assert report["training_job_name"] == "job-1"
    assert report["num_test_images"] == 12
    assert sum(count for *_, count in report["confusions"]) == 12
    hits = sum(count for row, column, count in report["confusions"] if row == column)
    assert report["test_top1"] == pytest.approx(hits / 12)
    assert [row["class_name"] for row in report["per_class"]] == ["blue", "green", "red"]
    assert [row["num_images"] for row in report["per_class"]] == [4, 4, 4]
    # Which of them come first depends on what int8 rounds to on this processor; tests of export hold the order.
    tested = {f"test/{class_name}/{index}.jpg" for class_name in ("blue", "green", "red") for index in range(4)}
    assert len({row["path"] for row in report["golden"]} & tested) == len(report["golden"]) == 8
    assert len(report["epochs"]) == 2
    assert report["data_problems"] == []
    assert {"torch", "torchvision", "pillow", "numpy", "python"} == set(report["versions"])


def test_scores_are_those_of_the_artifact(
    job: tuple[list[str], dict[str, str]], image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the gate reads is what the served artifact answers for the test split, not what the network would."""
    assert train.main(job[0], job[1]) == 0

    report = json.loads((tmp_path / "model" / "evaluation.json").read_text())
    classifier = model_fn(str(tmp_path / "model"))
    losses = []
    for path in sorted((image_folder / "test").rglob("*.jpg")):
        best = predict_fn(input_fn(path.read_bytes(), "application/x-image"), classifier).top_k(3)
        losses.append(-math.log(next(each.probability for each in best if each.class_name == path.parent.name)))
    assert report["test_loss"] == pytest.approx(sum(losses) / len(losses), abs=1e-4)
    served = report["serving"]
    assert f"what follows is by {served['engine']} in {served['precision']}" in capsys.readouterr().out


def test_tuning_job_needs_no_test_split_and_saves_no_model(
    job: tuple[list[str], dict[str, str]], image_folder: Path, tmp_path: Path
) -> None:
    """Its metrics are all that counts; the test split stays unseen."""
    folders = ["--train", str(image_folder / "train"), "--validation", str(image_folder / "valid")]
    flags = [*FAST, "--epochs", "1", *folders, "--model-dir", str(tmp_path / "model"), "--save-model", "false"]

    assert train.main(flags, job[1]) == 0

    report = json.loads((tmp_path / "model" / "evaluation.json").read_text())
    assert (report["num_test_images"], report["test_top1"], report["golden"]) == (0, None, [])
    assert not (tmp_path / "model" / "model.pt").exists()
    assert not (tmp_path / "model" / "report.html").exists()


@pytest.mark.parametrize(
    ("extra", "code", "sentence"),
    [
        (["--learning-rate", "1"], 2, "unknown hyperparameter '--learning-rate'; the known ones are"),
        (["--data", "/nowhere"], 1, "image folder '/nowhere' does not exist"),
        (["--model-name", "vgg99"], 2, "model_name 'vgg99' is not known"),
    ],
)
def test_failure_is_one_sentence_in_the_failure_file(
    job: tuple[list[str], dict[str, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    extra: list[str],
    code: int,
    sentence: str,
) -> None:
    """DescribeTrainingJob returns that file as FailureReason, so it holds no traceback."""
    flags, environ = job

    assert train.main([*flags, *extra], environ) == code

    reason = (tmp_path / "output" / "failure").read_text()
    assert sentence in reason
    assert "\n" not in reason
    assert reason in capsys.readouterr().err


def test_unexpected_failure_is_a_sentence_too(
    job: tuple[list[str], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours still reaches the owner in words, with its traceback in the log."""

    def broken(*_: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("training.export.artifact.save_model", broken)

    assert train.main(job[0], job[1]) == 1
    assert (tmp_path / "output" / "failure").read_text() == "training failed unexpectedly: KeyError: 'lost'"


def test_full_disk_is_named_with_the_remedy(
    job: tuple[list[str], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An artifact that finds no room fails the job by the disk, and no reserve is left behind."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/opt/ml/model/model.pt")

    monkeypatch.setattr("training.export.artifact.save_model", full)

    assert train.main(job[0], job[1]) == 1
    reason = (tmp_path / "output" / "failure").read_text()
    assert reason.startswith("training has no room: No space left on device: '/opt/ml/model/model.pt' (")
    assert reason.endswith("; give the job a larger disk, free some space, or use fewer or smaller images")
    assert list((tmp_path / "output").glob(".failure-*")) == []


def test_several_instances_are_refused(job: tuple[list[str], dict[str, str]], tmp_path: Path) -> None:
    """Each would train the same model, and all would be billed."""
    assert train.main(job[0], {**job[1], "SM_HOSTS": '["algo-1", "algo-2"]'}) == 2
    assert "or TrainingInstanceCount to 1" in (tmp_path / "output" / "failure").read_text()


def plain_environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_sigterm_ends_the_plain_script_with_one_sentence(image_folder: Path, tmp_path: Path) -> None:
    """`python training/train.py` from any folder, stopped in mid-training: one line, no traceback, no model."""
    flags = [*FAST, "--epochs", "500", "--data", str(image_folder), "--model-dir", str(tmp_path / "model")]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "training" / "train.py"), *flags],
        env=plain_environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any(line.startswith("epoch=1 ") for line in process.stdout)  # metric lines come as they happen
        process.terminate()
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()

    assert process.returncode == 1
    assert errors == "train.py: training was stopped by SIGTERM before it had finished\n"
    assert not (tmp_path / "model").exists()


def write_job(base: Path, hyperparameters: dict[str, str]) -> None:
    """Lay out /opt/ml as SageMaker does before it starts the container."""
    for folder in ("input/config", "input/data/classes", "model", "output/data"):
        (base / folder).mkdir(parents=True)
    for channel in ("train", "validation", "test"):
        write_images(base / "input" / "data" / channel / "train", 4, suffix="png")
    (base / "input" / "data" / "classes" / "classes.json").write_text('["blue", "green", "red"]')
    with tarfile.open(base / "sourcedir.tar.gz", "w:gz") as bundle:
        for folder in ("training", "inference", "reports", "datasets"):
            bundle.add(ROOT / folder, folder, filter=lambda item: None if "__pycache__" in item.name else item)
    given = {
        "sagemaker_program": "training/train.py",
        "sagemaker_submit_directory": str(base / "sourcedir.tar.gz"),
        **hyperparameters,
    }
    mode = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
    channels = dict.fromkeys(("train", "validation", "test", "classes"), mode)
    groups = [{"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}]
    resources = {
        "current_host": "algo-1",
        "hosts": ["algo-1"],
        "network_interface_name": "lo",
        "current_instance_type": "ml.m5.large",
        "current_instance_group": "homogeneousCluster",
        "instance_groups": groups,
    }
    for name, content in (
        ("hyperparameters", given),
        ("inputdataconfig", channels),
        ("resourceconfig", resources),
    ):
        (base / "input" / "config" / f"{name}.json").write_text(json.dumps(content))


def run_toolkit(base: Path) -> subprocess.CompletedProcess[str]:
    """Run the `train` program of AWS's toolkit, as the PyTorch container does."""
    environ = {
        **plain_environment(),
        "SAGEMAKER_BASE_DIR": str(base),
        "SM_STUDIO_LOCAL_MODE": "true",
        "SAGEMAKER_TRAINING_MODULE": "sagemaker_pytorch_container.training:main",
        "TRAINING_JOB_NAME": "flowers-3",
        "AWS_REGION": "us-east-1",
    }
    command = [sys.executable, "-c", "from sagemaker_training.cli.train import main; main()"]
    return subprocess.run(command, env=environ, cwd=base, capture_output=True, text=True, timeout=120, check=False)


HYPERPARAMETERS = {
    "model_name": "resnet18",
    "weights": "none",
    "image_size": "32",
    "epochs": "1",
    "batch_size": "4",
    "dataset_fingerprint": '"12e4567"',  # JSON-encoded: the toolkit would take it for a number
}


@pytest.mark.slow
def test_sagemaker_toolkit_runs_the_bundle(tmp_path: Path) -> None:
    """Script mode: channels, hyperparameters and artifacts all by SageMaker's conventions."""
    write_job(tmp_path, HYPERPARAMETERS)

    done = run_toolkit(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(EPOCH_LINE.findall(done.stdout)) == 1
    assert (tmp_path / "output" / "success").exists()
    report = json.loads((tmp_path / "output" / "data" / "evaluation.json").read_text())
    assert (report["training_job_name"], report["dataset_fingerprint"]) == ("flowers-3", "12e4567")
    assert report["golden"][0]["path"].startswith("train/")
    assert (tmp_path / "model" / "code" / "inference.py").is_file()
    assert "<h1>flowers-3</h1>" in (tmp_path / "output" / "data" / "report.html").read_text()


@pytest.mark.slow
def test_sagemaker_toolkit_reports_our_sentence(tmp_path: Path) -> None:
    """FailureReason is the sentence alone, not the toolkit's traceback."""
    write_job(tmp_path, {**HYPERPARAMETERS, "learning_rate": "0.1"})

    done = run_toolkit(tmp_path)

    assert done.returncode != 0
    reason = (tmp_path / "output" / "failure").read_text()
    assert reason.startswith("unknown hyperparameter '--learning-rate'; the known ones are accumulate, augment, ")


def test_plain_script_shows_its_flags(tmp_path: Path) -> None:
    """`--help` answers without loading torch."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(ROOT / "training" / "train.py"), "--help"],
        env=plain_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "--model-name" in done.stdout
    assert "training.config" in done.stderr
    assert "torch" not in done.stderr
