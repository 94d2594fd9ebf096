"""`deploy.py data ...`: the pictures of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ops.commands.options import stack_options

if TYPE_CHECKING:
    from ops.datasets.records import RunRecord
    from ops.session import Session
    from ops.stack.stacks import Stack

_SHOWN = 20  # paths of each kind, in the terminal


@click.group("data")
def data_group() -> None:
    """List, compare, verify and bring back the pictures of runs."""


@data_group.command("list")
@click.argument("run", required=False)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write RUN's record to this file.")
@stack_options
def list_pictures(run: str | None, out: Path | None, stack_name: str, local: bool) -> None:
    """List the runs and their datasets, or the pictures of RUN.

    \b
    Example:
        python deploy.py data list flowers-0a1b2c3d4e5f-1 --out flowers.jsonl
    """
    from ops.console import table
    from ops.datasets import records

    session, stack = _deployed(stack_name, local)
    if run is None:
        if out:
            raise click.UsageError("--out takes the record of a run; name it: deploy.py data list RUN --out FILE")
        columns = ["run", "dataset", "started", "status", "pictures", "fingerprint"]
        table("Runs", columns, records.run_rows(session, stack))
        return
    record = records.load(session, stack, run)
    if out:
        records.write_file(record, out)
        click.echo(f"{len(record.pictures)} pictures of {record.folder} in {out}", err=True)
        return
    rows = [
        [picture.path, picture.class_name, picture.split, str(picture.size), picture.sha256 or f"ETag {picture.etag}"]
        for picture in record.pictures.values()
    ]
    table(f"Pictures of {record.name}, below {record.folder}", ["path", "class", "split", "bytes", "SHA-256"], rows)


@data_group.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where the page goes.")
@click.option("--no-open", is_flag=True, help="Do not open the page.")
@stack_options
def diff(before: str, after: str, out: Path | None, no_open: bool, stack_name: str, local: bool) -> None:
    """Show what differs between the pictures of run BEFORE and run AFTER: in numbers, and on a page with thumbnails.

    \b
    Example:
        python deploy.py data diff flowers-0a1b2c3d4e5f-1 flowers-5f4e3d2c1b0a-1
    """
    from ops.console import facts, result
    from ops.datasets import changes_page, records
    from ops.datasets.differences import differences
    from ops.runs import fetched_reports

    session, stack = _deployed(stack_name, local)
    old, new = records.load(session, stack, before), records.load(session, stack, after)
    kinds = differences(old.pictures, new.pictures).kinds()
    facts([(kind, str(len(changes))) for kind, changes in kinds.items()])
    for kind, changes in kinds.items():
        for change in changes[:_SHOWN]:
            result(f"  {kind}: {change.path} ({change.words})")
        if len(changes) > _SHOWN:
            result(f"  {kind}: {len(changes) - _SHOWN} more; the page has them")
    path = changes_page.write(session, old, new, kinds, out)
    result(str(path))
    if not no_open:
        fetched_reports.show([path])


@data_group.command("verify")
@click.argument("run")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@stack_options
def verify(run: str, folder: Path, stack_name: str, local: bool) -> None:
    """Tell whether FOLDER holds RUN's pictures, by hash; RUN may be a file of `data list`, for which no AWS is needed.

    \b
    Example:
        python deploy.py data verify flowers.jsonl data/flowers
    """
    from ops.console import facts, result, say
    from ops.datasets import records

    record = records.from_file(Path(run)) if Path(run).is_file() else _record(run, stack_name, local)
    verdict = records.verify(record, folder)
    kinds = {"changed": verdict.changed, "missing": verdict.missing, "extra": verdict.extra}
    facts([("equal", str(verdict.num_equal)), *((kind, str(len(paths))) for kind, paths in kinds.items())])
    for kind, paths in kinds.items():
        for path in paths[:_SHOWN]:
            result(f"  {kind}: {path}")
    for number, what in ((verdict.by_md5, "size and MD5, S3's ETag"), (verdict.by_size, "size alone")):
        if number:
            say(f"no job of the run has read {number} of these pictures: without a SHA-256 they were held to {what}")
    if not verdict.is_equal:
        raise click.ClickException(f"{str(folder)!r} is not what {record.name!r} was trained on")


@data_group.command("restore")
@click.argument("run")
@click.argument("path")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="Into this folder, not the bucket.")
@stack_options
def restore(run: str, path: str, to: Path | None, stack_name: str, local: bool) -> None:
    """Bring back what RUN had at PATH (a picture, a folder, or . for all), while the bucket keeps its versions.

    \b
    Example:
        python deploy.py data restore flowers-0a1b2c3d4e5f-1 train/daisy
    """
    from ops.console import facts, result, say
    from ops.datasets import restoring

    session, _ = _deployed(stack_name, local)
    record = _record(run, stack_name, local)
    outcome = restoring.restore(session, record, path, to)
    facts([
        ("restored", str(len(outcome.restored))),
        ("there still", str(len(outcome.unchanged))),
        ("gone", str(len(outcome.gone))),
    ])  # fmt: skip
    for name in outcome.gone[:_SHOWN]:
        result(f"  gone: {name}")
    if outcome.gone:
        kept = "an archive's pictures are" if record.is_staged else "with DataBucketVersioning=Enabled it is"
        raise click.ClickException(f"no version of {len(outcome.gone)} pictures is kept; {kept} for 30 days")
    if to is None and outcome.restored:
        say(f"start a run on them: deploy.py start {record.dataset}{session.flags}")


def _deployed(stack_name: str, local: bool) -> tuple[Session, Stack]:
    from ops.commands.account import running_account
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    return session, stacks.deployed(session)


def _record(run: str, stack_name: str, local: bool) -> RunRecord:
    from ops.datasets import records

    session, stack = _deployed(stack_name, local)
    return records.load(session, stack, run)
