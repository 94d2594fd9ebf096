"""What a training job leaves in S3 beside archives: plain files, and checkpoints while it runs."""

from support.jobs import Workbench
from support.waiting import eventually

_WRITES = """
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "shards").mkdir()
pathlib.Path(os.environ["SM_MODEL_DIR"], "shards", "0.bin").write_bytes(b"features")
pathlib.Path(os.environ["SM_MODEL_DIR"], "manifest.json").write_text("{}")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "report.html").write_text("<p>")
"""
_CHECKPOINTS = """
import os, pathlib
folder = pathlib.Path(os.environ["SM_MODEL_DIR"]).parent / "checkpoints"
restored = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
print("restored " + " ".join(restored))
(folder / "epochs").mkdir(exist_ok=True)
(folder / "epochs" / f"{len(restored) + 1}.pt").write_text("state")
"""


def _keys(workbench: Workbench, prefix: str) -> list[str]:
    answer = workbench.account.client("s3").list_objects_v2(Bucket=workbench.bucket, Prefix=prefix)
    return [item["Key"].removeprefix(prefix) for item in answer.get("Contents", [])]


def test_uncompressed_output_is_one_object_a_file(workbench: Workbench) -> None:
    """AWS: "uploading model and data outputs to your S3 bucket as uncompressed files", by CompressionType NONE.

    Source: SageMaker API reference, OutputDataConfig, CompressionType.
    """
    output = {"S3OutputPath": f"s3://{workbench.bucket}/plain", "CompressionType": "NONE"}

    job = workbench.ended(workbench.start(_WRITES, OutputDataConfig=output))

    prefix = f"plain/{job['TrainingJobName']}/output/"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{workbench.bucket}/{prefix}model/"
    assert _keys(workbench, prefix) == ["data/report.html", "model/manifest.json", "model/shards/0.bin"]


def test_checkpoints_outlive_their_job(workbench: Workbench) -> None:
    """AWS: "SageMaker copies checkpoint data from a local path to Amazon S3", and back when a job starts.

    Source: SageMaker developer guide, "Checkpoints in Amazon SageMaker AI".
    """
    config = {"S3Uri": f"s3://{workbench.bucket}/checkpoints/lineage"}
    first = workbench.start(_CHECKPOINTS, CheckpointConfig=config)
    workbench.ended(first)

    second = workbench.start(_CHECKPOINTS, CheckpointConfig=config)
    workbench.ended(second)

    assert [line for name in (first, second) for line in workbench.log(name) if line.startswith("restored")] == [
        "restored",
        "restored epochs/1.pt",
    ]
    assert _keys(workbench, "checkpoints/lineage/") == ["epochs/1.pt", "epochs/2.pt"]


def test_checkpoints_are_sent_while_the_job_trains(workbench: Workbench) -> None:
    """A file is in S3 soon after it was written, and again after it has changed.

    Source: SageMaker developer guide, "Checkpoints in Amazon SageMaker AI".
    """
    name = workbench.start(
        """
        import os, pathlib, time
        file = pathlib.Path(os.environ["SM_MODEL_DIR"]).parent / "checkpoints" / "state.txt"
        for step in range(1000):
            file.with_suffix(".tmp").write_text(str(step))
            file.with_suffix(".tmp").rename(file)
            time.sleep(0.1)
        """,
        CheckpointConfig={"S3Uri": f"s3://{workbench.bucket}/checkpoints/live/"},
    )
    workbench.reached(name, {"Training"})
    seen: set[bytes] = set()

    def is_sent_twice() -> bool:
        if "state.txt" in _keys(workbench, "checkpoints/live/"):
            sent = workbench.account.client("s3").get_object(Bucket=workbench.bucket, Key="checkpoints/live/state.txt")
            seen.add(sent["Body"].read())
        return len(seen) >= 2

    eventually(is_sent_twice, 20)

    workbench.sagemaker.stop_training_job(TrainingJobName=name)
    workbench.ended(name)
