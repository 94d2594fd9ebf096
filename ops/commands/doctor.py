"""`deploy.py data check` and `data fix`: look at pictures before they are uploaded, and put them in order."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ops.commands.options import stack_options

if TYPE_CHECKING:
    from ops.datasets.fixing import Bucket, Folder


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where to write; below build/ by default."
)
@click.option("--group-by", default="", metavar="PATTERN", help="What belongs together by its path; as GroupBy.")
@click.option("--image-size", default=224, show_default=True, type=click.IntRange(32, 1024), help="As ImageSize.")
@click.option("--open/--no-open", "then_open", default=True, help="Open the page in the browser.")
def check(folder: Path, out: Path | None, group_by: str, image_size: int, then_open: bool) -> None:
    """Look for copies, leaks, wrong labels and poor pictures in FOLDER; nothing is changed or uploaded.

    \b
    Example:
        python deploy.py data check photos --group-by "(patient\\d+)"
    """
    from ops.datasets import examining
    from ops.runs import fetched_reports

    page = examining.check(folder, out, group_by, image_size)
    if then_open:
        fetched_reports.show([page])


@click.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--dataset", metavar="NAME", help="Fix the dataset of this name in the bucket instead of FOLDER.")
@click.option("--dry-run", is_flag=True, help="Show what would be moved, and move nothing.")
@click.option("--undo", "then_undo", is_flag=True, help="TABLE is a journal: move everything back.")
@stack_options
def fix(
    table: Path,
    folder: Path | None,
    dataset: str | None,
    dry_run: bool,
    then_undo: bool,
    stack_name: str,
    local: bool,
) -> None:
    """Carry out the actions of TABLE, a CSV of `data check`, in FOLDER or in the bucket; nothing is deleted.

    \b
    Examples:
        python deploy.py data fix ticked.csv photos --dry-run
        python deploy.py data fix photos/.set-aside/20261129T120000/journal.csv photos --undo
    """
    from ops.console import result, say
    from ops.datasets import fixing

    place = _place(folder, dataset, stack_name, local)
    if then_undo:
        back = fixing.undo(table, place)
        result(f"{len(back)} moved back")
        return
    now = datetime.now(UTC)
    plan = fixing.planned(fixing.read_actions(table), place, now)
    moves = plan.moves
    for move in moves:
        result(f"{move.source} -> {move.target}")
    for remark in plan.remarks():
        say(remark)
    journal = (folder / fixing.ASIDE if folder else table.resolve().parent) / f"{now:%Y%m%dT%H%M%S}" / "journal.csv"
    if dry_run or not moves:
        result(f"{len(moves)} would be moved")
        return
    fixing.carry_out(moves, place, journal)
    result(
        f"{len(moves)} moved; to move them back: deploy.py data fix {journal} {folder or f'--dataset {dataset}'} --undo"
    )
    if dataset:
        say(f"a run on them starts once the folder has settled, or now with: deploy.py start {dataset}")


def _place(folder: Path | None, dataset: str | None, stack_name: str, local: bool) -> Folder | Bucket:
    """Return where the dataset lies."""
    from ops.datasets import fixing

    if (folder is None) == (dataset is None):
        raise click.UsageError("give a FOLDER, or --dataset NAME for the bucket")
    if folder is not None:
        return fixing.Folder(folder)
    from ops.commands.account import running_account
    from ops.console import say
    from ops.datasets import reactions
    from ops.session import open_session
    from ops.stack import stacks

    session = open_session(stack_name, running_account() if local else None)
    stack = stacks.deployed(session)
    reactions.require_idle(session, stack, str(dataset), queue=False, say=say)
    return fixing.Bucket(session.s3, stack.output("DataBucketName"), str(dataset))
