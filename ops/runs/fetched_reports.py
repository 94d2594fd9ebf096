"""Reports of an execution: the training job's page out of its output, the tuning job's page drawn here."""

from __future__ import annotations

import io
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from datasets.archives import Archive, Limits, members
from datasets.errors import ArchiveError, ArchiveSizeError
from handlers.contract import names
from ops.console import say
from ops.errors import ReportError, unless_gone
from ops.runs import data_findings, run_report, status_page
from ops.runs.executions import Execution
from ops.runs.objects import object_of
from ops.runs.tuning_jobs import load_trials_job, load_tuning_job
from ops.session import REPOSITORY, Session
from ops.stack.stacks import Stack
from reports.tuning import TuningJob

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef

TUNING_REPORT = "tuning-report.html"
TRAINING_REPORT = "training-report.html"
DATA_PAGE, DATA_TABLE = "data.html", "findings.csv"
_TITLES = {TRAINING_REPORT: "Training", TUNING_REPORT: "Tuning", DATA_PAGE: "Pictures", "profile.html": "Profile"}
# What a training job may leave for people, and the name it gets here.
MEMBERS = {
    "report.html": TRAINING_REPORT,
    "profile.html": "profile.html",
    "profile_trace.json.gz": "profile_trace.json.gz",
    "evaluation.json": "evaluation.json",
    "pictures.jsonl": "pictures.jsonl",
}
MAX_ARCHIVE_BYTES = 1 << 28
MAX_OUTPUT_BYTES = 1 << 30
MAX_MEMBER_BYTES = 64 << 20


def default_folder(session: Session, execution: Execution) -> Path:
    """Return where the reports of `execution` go when no folder is named."""
    return REPOSITORY / "build" / "reports" / session.stack_name / execution.name


def fetch(
    session: Session, stack: Stack, execution: Execution, kinds: Sequence[str], folder: Path | None
) -> list[Path]:
    """Write the reports of `kinds` (run, tuning, training, data) and return their paths, the one to read first first.

    Of several, one is enough: why another is missing is said. That of the run leads to the others.

    Raises:
        ReportError: there is none.
    """
    where = (folder or default_folder(session, execution)).resolve()
    paths: list[Path] = []
    missing: list[ReportError] = []
    for kind in kinds:
        try:
            if kind == "tuning":
                paths.append(tuning_report(session, stack, execution, where))
            elif kind == "data":
                paths.append(data_report(session, stack, execution, where))
            elif kind == "training":
                paths = [*training_report(session, execution, where), *paths]
        except ReportError as error:
            missing.append(error)
    if not paths and "run" not in kinds:
        raise ReportError("; ".join(str(reason) for reason in missing))
    for reason in missing:
        say(str(reason))
    if "run" in kinds:
        links = {_TITLES[path.name]: path.name for path in paths if path.name in _TITLES}
        paths = [run_report.write(session, stack, execution, where, links), *paths]
    return paths


def show(paths: Sequence[Path]) -> None:
    """Open pages in the browser, the first of them in front; where there is no browser, say so."""
    opened = [webbrowser.open(path.as_uri()) for path in reversed(paths)]
    if not all(opened):
        say("no browser could be started here; open the files by hand")


def training_report(session: Session, execution: Execution, folder: Path) -> list[Path]:
    """Fetch what the execution's training job wrote for people; return the pages among it.

    Raises:
        ReportError: there is no such job or output yet, or no page is in it.
    """
    from reports.outcome import with_outcome

    name = execution.training_job_name
    described = _describe_training_job(session, name)
    contents = _members(session, described)
    if "report.html" not in contents:
        raise ReportError(
            f"output of training job {name!r}: holds {', '.join(sorted(contents)) or 'nothing'} and no report.html;"
            f" see why with `deploy.py logs training-job/{name}{session.flags}`"
        )
    page = contents["report.html"].decode(errors="replace")
    contents["report.html"] = with_outcome(page, status_page.told(execution)).encode()
    folder.mkdir(parents=True, exist_ok=True)
    for member, content in contents.items():
        (folder / MEMBERS[member]).write_bytes(content)
    return [folder / MEMBERS[member] for member in ("report.html", "profile.html") if member in contents]


def output_of(session: Session, training_job_name: str) -> dict[str, bytes]:
    """Return what a training job left for people, by the names of MEMBERS.

    Raises:
        ReportError: there is no such job or output.
    """
    return _members(session, _describe_training_job(session, training_job_name))


def tuning_report(session: Session, stack: Stack, execution: Execution, folder: Path) -> Path:
    """Draw the page about the execution's tuning job from what SageMaker says now, and put it to S3 beside the run.

    Raises:
        ReportError: there is no such tuning job yet.
    """
    from reports.tuning_report import tuning_report as draw

    job = _tuning_job(session, execution)
    page = draw(job).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / TUNING_REPORT
    path.write_bytes(page)
    _keep(session, stack.output("DataBucketName"), f"runs/{execution.name}/{TUNING_REPORT}", page)
    return path


def _tuning_job(session: Session, execution: Execution) -> TuningJob:
    """Return the execution's tuning job, or the training job of all its trials, which its record may not name yet."""
    name = execution.tuning_job_name
    in_one = name if names.is_trials_job(name) else names.trials_job_name(execution.name)
    job = unless_gone(load_tuning_job, session, name) if name != in_one else None
    job = job or load_trials_job(session, in_one)
    if job is None:
        raise ReportError(
            f"tuning job {name!r}: does not exist; execution {execution.name!r} is {execution.status} and has not"
            f" started it, see `deploy.py status {execution.name}{session.flags}`"
        )
    return job


def data_report(session: Session, stack: Stack, execution: Execution, folder: Path) -> Path:
    """Fetch the page about the execution's pictures and the table to tick them in; return the page.

    Raises:
        ReportError: the pictures have not been examined yet, or by an older version.
    """
    bucket, place = stack.output("DataBucketName"), (execution.record and execution.record.features_s3_uri) or ""
    keys = {name: data_findings.key_below(place, name) for name in (DATA_PAGE, DATA_TABLE)}
    contents = {name: place and object_of(session, bucket, key, MAX_MEMBER_BYTES) for name, key in keys.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if not content:
            raise ReportError(
                f"findings of execution {execution.name!r}: there is no {name}; ComputeFeatures writes it, see"
                f" `deploy.py status {execution.name}{session.flags}`"
            )
        (folder / name).write_bytes(content)
    say(
        f"tick on the page, or fill in {folder / DATA_TABLE}, what should be done, then: deploy.py data fix TABLE"
        f" --dataset {execution.dataset}{session.flags}"
    )
    return folder / DATA_PAGE


def _keep(session: Session, bucket: str, key: str, page: bytes) -> None:
    """Put `page` beside the run; whoever may only read gets the local copy all the same."""
    try:
        session.s3.put_object(Bucket=bucket, Key=key, Body=page, ContentType="text/html; charset=utf-8")
    except (ClientError, BotoCoreError) as error:
        say(f"not kept in S3, s3://{bucket}/{key}: {error}")


def _describe_training_job(session: Session, name: str) -> DescribeTrainingJobResponseTypeDef:
    described = unless_gone(session.sagemaker.describe_training_job, TrainingJobName=name)
    if described is None:
        raise ReportError(
            f"training job {name!r}: does not exist; it starts after tuning, see `deploy.py status{session.flags}`"
        )
    status = described["TrainingJobStatus"]
    if status in {"InProgress", "Stopping"}:
        raise ReportError(f"training job {name!r}: is {status}; its report comes with its end, wait for it with"
                          f" `deploy.py watch{session.flags}`")  # fmt: skip
    return described


def _members(session: Session, described: DescribeTrainingJobResponseTypeDef) -> dict[str, bytes]:
    """Return the files of MEMBERS that the job's output holds, whether SageMaker compressed it or not."""
    output = described["OutputDataConfig"]
    bucket, _, prefix = output["S3OutputPath"].removeprefix("s3://").partition("/")
    base = f"{prefix.rstrip('/')}/{described['TrainingJobName']}/output"
    if output.get("CompressionType") == "NONE":
        keys = {name: f"{base}/data/{name}" for name in MEMBERS}
        contents = {name: object_of(session, bucket, key, MAX_MEMBER_BYTES) for name, key in keys.items()}
        return {name: content for name, content in contents.items() if content is not None}
    archive = object_of(session, bucket, f"{base}/output.tar.gz", MAX_ARCHIVE_BYTES)
    if archive is None:
        raise ReportError(
            f"output s3://{bucket}/{base}/output.tar.gz: does not exist; training job"
            f" {described['TrainingJobName']!r} ended {described['TrainingJobStatus']} without one"
        )
    return unpack(archive, f"s3://{bucket}/{base}/output.tar.gz")


def unpack(archive: bytes, name: str) -> dict[str, bytes]:
    """Return the regular files of MEMBERS in a tar.gz; nothing is written, whatever else it holds.

    Raises:
        ReportError: it is damaged or too large.
    """
    unpacked: dict[str, bytes] = {}
    limits = Limits(total_bytes=MAX_OUTPUT_BYTES, ratio=20, floor_bytes=MAX_MEMBER_BYTES, member_bytes=MAX_MEMBER_BYTES)
    try:
        for member in members(Archive(io.BytesIO(archive), name, len(archive)), limits, skip_others=True):
            if member.path in MEMBERS and member.size <= MAX_MEMBER_BYTES:
                unpacked[member.path] = member.read()
    except ArchiveSizeError as error:
        raise ReportError(f"output {name!r}: unpacks to more than {error.most} bytes; fetch it by hand") from error
    except ArchiveError as error:
        raise ReportError(f"output {name!r}: cannot be read ({error.reason}); train again") from error
    return unpacked
