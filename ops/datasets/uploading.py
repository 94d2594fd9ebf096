"""`deploy.py upload` with its progress bar, up to the execution that it starts."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ops.console import err, say
from ops.datasets import reactions, replacing, starting, transfers
from ops.datasets.on_disk import ImageFolder
from ops.session import Session
from ops.stack.stacks import Stack


def upload(session: Session, stack: Stack, path: Path, dataset: str, folder: ImageFolder | None, *, queue: bool) -> str:
    """Upload `path` (`folder` is what `on_disk.check` said of it) and wait for what it leads to.

    It returns the execution's ARN, or "" when none starts; the reason is printed.

    Raises:
        UploadError: it may not be uploaded now.
        ExecutionError: no event came, and the function that was asked instead failed.
    """
    reactions.require_idle(session, stack, dataset, queue=queue, say=say)
    replacing.require_allowed(session, stack, dataset)
    bucket = stack.output("DataBucketName")
    before = reactions.records(session, stack, dataset)
    try:
        _transfer(session, bucket, path, dataset, folder)
    except KeyboardInterrupt:
        say(
            "\nstopped: the dataset is incomplete in the bucket and starts nothing; run the same command to complete it"
        )
        raise
    reaction = reactions.wait_for_reaction(session, stack, dataset, before)
    if reaction is None:
        say(
            f"no execution has shown up within {reactions.event_seconds(session):.0f} s: events of a new bucket come"
            " only after about five minutes; asking for it directly, which a later event does not repeat ..."
        )
        reaction = starting.start(session, stack, dataset)
    if reaction.sentence:
        say(reaction.sentence)
    return reaction.execution_arn


def _transfer(session: Session, bucket: str, path: Path, dataset: str, folder: ImageFolder | None) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        if folder is None:
            task = progress.add_task("bytes", total=path.stat().st_size)
            transfers.upload_archive(session, bucket, dataset, path, lambda sent: progress.advance(task, sent))
            return
        transfer = transfers.compare(session, bucket, dataset, folder)
        say(f"s3://{bucket}/datasets/{dataset}/: {transfers.describe(transfer, folder.num_skipped)}")
        task = progress.add_task("pictures", total=len(transfer.puts))
        transfers.upload_folder(session, bucket, dataset, transfer, lambda done: progress.advance(task, done))
