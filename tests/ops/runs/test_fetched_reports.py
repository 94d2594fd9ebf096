"""`deploy.py report`: pages out of a training job's output and from a tuning job, written, kept and opened."""

import gzip
import io
import tarfile
import webbrowser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from ops.errors import ReportError
from ops.runs import fetched_reports
from ops.runs.executions import Execution
from ops.runs.tuning_jobs import ranges
from ops.session import Session
from ops.stack.stacks import Stack

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
EXECUTION = "pets-0123456789ab-1"
TUNING_JOB = "pets-0123456789-1"
KEY = f"runs/{EXECUTION}/training/{EXECUTION}/output/output.tar.gz"
TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::123456789012:role/pets",
    "OutputDataConfig": {"S3OutputPath": f"s3://pets/runs/{EXECUTION}/training"},
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as output:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(content)
            output.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def execution() -> Execution:
    """A finished execution."""
    return Execution(f"arn:{EXECUTION}", EXECUTION, "SUCCEEDED", START, START, "pets")


@pytest.fixture
def stack() -> Stack:
    """A stack with a data bucket."""
    return Stack("pets", "CREATE_COMPLETE", {"DataBucketName": "pets"}, {})


@pytest.fixture
def bucket(session: Session) -> Callable[[str, bytes], None]:
    """Return what puts an object to the data bucket."""
    session.s3.create_bucket(Bucket="pets")
    return lambda key, content: session.s3.put_object(Bucket="pets", Key=key, Body=content) and None


def train(session: Session, **changes: Any) -> None:
    session.sagemaker.create_training_job(TrainingJobName=EXECUTION, **(TRAINING | changes))


def test_training_report_comes_out_of_the_output(
    session: Session, execution: Execution, tmp_path: Path, bucket: Callable[[str, bytes], None]
) -> None:
    """Pages, trace and numbers are written; what else the archive holds is not."""
    train(session)
    bucket(KEY, archive(report__html=b"<p>1", profile__html=b"<p>2", evaluation__json=b"{}", other__txt=b"no"))

    paths = fetched_reports.training_report(session, execution, tmp_path / "new")

    assert paths == [tmp_path / "new" / "training-report.html", tmp_path / "new" / "profile.html"]
    assert paths[0].read_bytes() == b"<p>1"
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "training-report.html", "profile.html", "evaluation.json",
    }  # fmt: skip


def test_uncompressed_output_is_read_as_well(
    session: Session, execution: Execution, tmp_path: Path, bucket: Callable[[str, bytes], None]
) -> None:
    """With CompressionType NONE SageMaker puts single objects."""
    output = TRAINING["OutputDataConfig"] | {"CompressionType": "NONE"}  # type: ignore[operator]
    client = session.sagemaker
    described = {
        **TRAINING, "TrainingJobName": EXECUTION, "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:x/y",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://pets/x"}, "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed", "CreationTime": START, "OutputDataConfig": output,
    }  # fmt: skip
    bucket(f"runs/{EXECUTION}/training/{EXECUTION}/output/data/report.html", b"<p>1")

    with Stubber(client) as stubber:
        stubber.add_response("describe_training_job", described)
        (path,) = fetched_reports.training_report(session, execution, tmp_path)

    assert path.read_bytes() == b"<p>1"


def test_job_without_a_page_names_what_there_is(
    session: Session, execution: Execution, tmp_path: Path, bucket: Callable[[str, bytes], None]
) -> None:
    """A job of an older version has its numbers only."""
    train(session)
    bucket(KEY, archive(evaluation__json=b"{}"))

    with pytest.raises(ReportError, match=r"holds evaluation.json and no report.html; see why with `deploy.py logs"):
        fetched_reports.training_report(session, execution, tmp_path)


def test_job_without_output_says_how_it_ended(
    session: Session, execution: Execution, tmp_path: Path, bucket: Callable[[str, bytes], None]
) -> None:
    """A failed job leaves none."""
    train(session)

    with pytest.raises(ReportError, match=f"training job '{EXECUTION}' ended Completed without one"):
        fetched_reports.training_report(session, execution, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"no archive", id="no archive"),
        pytest.param(gzip.compress(b"no tar"), id="no tar"),
        pytest.param(archive(report__html=b"x" * 99)[:60], id="cut short"),
    ],
)
def test_damaged_output_is_refused(content: bytes) -> None:
    """In one sentence with the remedy."""
    with pytest.raises(ReportError, match=r"output 's3://x': cannot be read .*; train again"):
        fetched_reports.unpack(content, "s3://x")


def test_links_and_paths_of_an_archive_write_nothing(tmp_path: Path) -> None:
    """Members are taken by name, regular files only; a path that leads outside is refused."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as output:
        link = tarfile.TarInfo("report.html")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        output.addfile(link)

    assert fetched_reports.unpack(buffer.getvalue(), "s3://x") == {}
    with pytest.raises(ReportError, match=r"cannot be read \(path '../evaluation.json' points outside"):
        fetched_reports.unpack(archive(**{"../evaluation.json": b"{}"}), "s3://x")


def test_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the archive says it holds, before it is read."""
    monkeypatch.setattr(fetched_reports, "MAX_OUTPUT_BYTES", 1000)

    with pytest.raises(ReportError, match="unpacks to more than 1000 bytes; fetch it by hand"):
        fetched_reports.unpack(archive(report__html=b"0" * 5000), "s3://x")


def test_missing_jobs_are_named(session: Session, stack: Stack, execution: Execution, tmp_path: Path) -> None:
    """Of two reports one is enough; without any, both reasons are given."""
    with pytest.raises(ReportError, match=rf"tuning job '{TUNING_JOB}': does not exist.*training job '{EXECUTION}'"):
        fetched_reports.fetch(session, stack, execution, ("tuning", "training"), tmp_path)


def tuning_request() -> dict[str, Any]:
    objective = {"Type": "Maximize", "MetricName": "validation:best_top1"}
    floats = [{"Name": "lr", "MinValue": "0.001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}]
    return {
        "HyperParameterTuningJobName": TUNING_JOB,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": objective,
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"ContinuousParameterRanges": floats},
        },
        "TrainingJobDefinition": TRAINING | {"StaticHyperParameters": {"model_name": '"resnet18"', "epochs": "5"}},
    }


def tuned(number: int, objective: float | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "TrainingJobName": f"{TUNING_JOB}-{number:03}", "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:x",
        "CreationTime": START, "TrainingStartTime": START, "TrainingEndTime": START,
        "TrainingJobStatus": "Completed" if objective else "Failed", "TunedHyperParameters": {"lr": "0.01"},
    }  # fmt: skip
    if objective:
        metric = {"MetricName": "validation:best_top1", "Value": objective}
        record["FinalHyperParameterTuningJobObjectiveMetric"] = metric
    return record


@pytest.fixture
def tuning(session: Session) -> Any:
    """Answer as SageMaker does about a tuning job of three training jobs, on two pages."""
    described = tuning_request() | {
        "HyperParameterTuningJobArn": "arn:aws:sagemaker:us-east-1:123456789012:x/y", "CreationTime": START,
        "HyperParameterTuningJobStatus": "Completed", "TrainingJobStatusCounters": {}, "ObjectiveStatusCounters": {},
        "HyperParameterTuningEndTime": START,
    }  # fmt: skip
    pages = "list_training_jobs_for_hyper_parameter_tuning_job"
    with Stubber(session.sagemaker) as stubber:
        stubber.add_response("describe_hyper_parameter_tuning_job", described)
        stubber.add_response(pages, {"TrainingJobSummaries": [tuned(2, 0.8123), tuned(1, 0.7)], "NextToken": "more"})
        stubber.add_response(pages, {"TrainingJobSummaries": [tuned(3, None)]})
        yield


@pytest.mark.usefixtures("tuning", "bucket")
def test_tuning_report_is_drawn_from_sagemakers_answers_and_kept(
    session: Session, stack: Stack, execution: Execution, tmp_path: Path
) -> None:
    """All pages of the list count; the same page lies beside the run in S3."""
    path = fetched_reports.tuning_report(session, stack, execution, tmp_path)

    html = path.read_text()
    assert "0.8123" in html
    assert f"{TUNING_JOB}-003" in html
    assert "&#34;resnet18" not in html  # the toolkit's quotes are gone
    assert "$0.00 (prices of" in html
    kept = session.s3.get_object(Bucket="pets", Key=f"runs/{EXECUTION}/tuning-report.html")
    assert kept["Body"].read().decode() == html
    assert kept["ContentType"] == "text/html; charset=utf-8"


@pytest.mark.usefixtures("tuning")
def test_page_that_cannot_be_kept_is_still_written(
    session: Session, stack: Stack, execution: Execution, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever may only read gets the page and one line."""
    path = fetched_reports.tuning_report(session, stack, execution, tmp_path)  # there is no bucket

    assert path.exists()
    assert f"not kept in S3, s3://pets/runs/{EXECUTION}/tuning-report.html: " in capsys.readouterr().err


def test_integer_ranges_come_from_sagemaker_as_numbers() -> None:
    """In the order continuous, integer, categorical; the toolkit's quotes are gone, as they are from the values."""
    described = ranges({
        "CategoricalParameterRanges": [{"Name": "head", "Values": ['"linear"', "mlp", "32"]}],
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "0", "MaxValue": "4"}],
    })  # fmt: skip

    assert [(one.name, one.low, one.high, one.is_integer, one.choices) for one in described] == [
        ("depth", 0.0, 4.0, True, ()),
        ("head", 0.0, 1.0, False, ("linear", "mlp", "32")),
    ]


@pytest.mark.parametrize("is_there", [True, False])
def test_pages_are_opened_the_first_in_front(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_there: bool
) -> None:
    """A machine without a browser is told to open them by hand."""
    opened: list[str] = []

    def open_page(url: str) -> bool:
        opened.append(url)
        return is_there

    monkeypatch.setattr(webbrowser, "open", open_page)

    fetched_reports.show([tmp_path / "a b.html", tmp_path / "2.html"])

    assert opened == [f"file://{tmp_path}/2.html", f"file://{tmp_path}/a%20b.html"]
    assert ("no browser could be started" in capsys.readouterr().err) != is_there
