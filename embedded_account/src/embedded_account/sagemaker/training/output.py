"""What a training job leaves in S3: its model and its output data, as archives or file by file."""

from pathlib import Path

from embedded_account.sagemaker.shared.storage import S3Uri, upload_archive, upload_files
from embedded_account.sagemaker.training.job import TrainingJob


def upload(job: TrainingJob, machines: list[Path], *, with_model: bool) -> dict[str, str]:
    """Put what the instances wrote below their /opt/ml, the folders `machines`; return ModelArtifacts.

    CompressionType NONE puts each file under `output/model/` and `output/data/`; GZIP, the default, makes one
    model.tar.gz and, when there is output data, one output.tar.gz. Files of the first instance win over the others'.

    Raises:
        StorageError: S3 refused an object.
    """
    first, *others = machines
    for other in others:
        _merge(other / "model", first / "model")
        _merge(other / "output" / "data", first / "output" / "data")
    if any((first / "output" / "data").iterdir()):
        _put(job, first / "output" / "data", "data", "output.tar.gz")
    return {"S3ModelArtifacts": _put(job, first / "model", "model", "model.tar.gz")} if with_model else {}


def _put(job: TrainingJob, folder: Path, plain_name: str, archive_name: str) -> str:
    prefix = job.output_uri
    role_arn = job.request["RoleArn"]
    if job.request["OutputDataConfig"].get("CompressionType", "GZIP") == "NONE":
        destination = S3Uri(prefix.bucket, f"{prefix.key}/{plain_name}/")
        upload_files(job.account, role_arn, folder, destination)
    else:
        destination = S3Uri(prefix.bucket, f"{prefix.key}/{archive_name}")
        upload_archive(job.account, role_arn, folder, destination)
    return str(destination)


def _merge(source: Path, target: Path) -> None:
    """Move the files of `source` that `target` lacks."""
    for path in sorted(source.rglob("*")):
        destination = target / path.relative_to(source)
        if path.is_dir():
            destination.mkdir(exist_ok=True)
        elif not destination.exists():
            path.rename(destination)
