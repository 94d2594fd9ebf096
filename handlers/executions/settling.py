"""A drop starts one execution once its folder has settled: nothing comes or goes for SettleSeconds, no upload is open.

Events say when to look; what lies in the folder decides. So an event may come twice, late, in any order or never: a
look that finds what the last execution was started on starts nothing, and the sweep looks without being told.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from datasets.limits import MAX_FILES
from handlers.aws.logs import logger
from handlers.aws.notifications import publish
from handlers.contract.errors import DatasetError, RetrieverError
from handlers.contract.settings import Settings
from handlers.datasets.drops import Look, look_at, under_way
from handlers.datasets.uploads import DATASETS
from handlers.executions.launches import Answer, Decision, Request, start
from handlers.ledger import Dataset, Drop, Ledger

FILES_AN_HOUR = 1000  # a look at a folder nothing was told of is due after an hour for each so many, or a day
_DAY_HOURS = 24
FILES_A_SWEEP = 200_000  # that are listed to no one's asking; the rest is for the next sweep


def is_quiet(since: str | None, at: str, settings: Settings) -> bool:
    """Tell whether SettleSeconds have passed between two times."""
    return not since or _time(at) - _time(since) >= timedelta(seconds=settings.settle_seconds)


def check(name: str, at: str, ledger: Ledger, settings: Settings) -> Answer:
    """Start an execution on the dataset's folder if a drop into it has settled, or say what it waits for."""
    drop = Drop.get(ledger, name)
    if drop is None or not drop.waits:
        return _left(f"dataset {name!r}: nothing has come since it was looked at")
    if not is_quiet(drop.last_seen_at, at, settings):
        return _left(f"dataset {name!r}: files came until {drop.last_seen_at}; it has not settled")
    if remark := under_way(settings.bucket_name, name):
        drop.wait(ledger, remark)
        return _left(f"dataset {name!r}: {remark}")
    try:
        look = look_at(settings.bucket_name, name)
    except DatasetError as error:
        drop.wait(ledger, str(error))
        return _left(f"dataset {name!r}: {error}")
    if not is_quiet(look.newest_at, at, settings):  # the event of its newest file is under way, or lost
        Drop.note(ledger, name, look.newest_at)
        return _left(f"dataset {name!r}: a file came at {look.newest_at}; it has not settled")
    drop.look(ledger, at, look.fingerprint, look.num_files)
    answer = _settled(name, look, ledger, settings)
    drop.close(ledger)
    return answer


def _settled(name: str, look: Look, ledger: Ledger, settings: Settings) -> Answer:
    uri = f"s3://{settings.bucket_name}/{DATASETS}{name}/"
    if not look.has_pictures:
        return _left(f"dataset {name!r}: there is no picture in {uri}")
    dataset = Dataset.get(ledger, name)
    if dataset and dataset.execution_name and (dataset.s3_uri, dataset.fingerprint) == (uri, look.fingerprint):
        return _left(f"dataset {name!r}: execution {dataset.execution_name!r} was started on what lies there")
    Dataset.upload(ledger, name, uri, "")
    return start(Request(name, uri, "drop", modified_at=look.newest_at), ledger, settings)


def _left(reason: str) -> Answer:
    logger.info("drop left", reason=reason)
    return Answer(Decision.REFUSED, reason)


def sweep_drops(folders: Iterable[str], at: str, ledger: Ledger, settings: Settings) -> list[str]:
    """Look after every folder: what waits may have settled, and what no event told of is noted; return what started."""
    if not settings.settle_seconds:
        return []
    drops = {drop.name: drop for drop in Drop.all(ledger)}
    present, started, room = set(folders), [], FILES_A_SWEEP
    for name in sorted(present | drops.keys()):
        drop = drops.get(name) or Drop(name)
        try:
            if drop.waits:
                started += [name] if check(name, at, ledger, settings).started else []
                _look_at_the_clock(name, at, ledger, settings)
            elif name not in present:
                drop.forget(ledger)
            elif room > 0 and _is_due(drop, at):
                room -= _look_again(drop, at, ledger, settings)
        except RetrieverError:  # one dataset in trouble must not keep the others waiting
            logger.exception("a drop was not looked after", dataset=name)
    return started


def _look_at_the_clock(name: str, at: str, ledger: Ledger, settings: Settings) -> None:
    """Tell once of a drop that has not settled for a day: nothing starts in its midst, which may be half of a copy."""
    drop = Drop.get(ledger, name)
    if drop is None or not drop.waits or drop.told_at:
        return
    if not drop.waits_since:
        drop.wait_since(ledger, at)
    elif _time(at) - _time(drop.waits_since) >= timedelta(hours=_DAY_HOURS):
        subject = f"{settings.stack_name}: dataset {name} has not settled for a day"
        publish(settings, subject, drop.words(settings.settle_seconds))
        drop.tell(ledger, at)


def _is_due(drop: Drop, at: str) -> bool:
    hours = min(_DAY_HOURS, 1 + drop.num_files // FILES_AN_HOUR)
    return not drop.looked_at or _time(at) - _time(drop.looked_at) >= timedelta(hours=hours)


def _look_again(drop: Drop, at: str, ledger: Ledger, settings: Settings) -> int:
    """Note what lies in the folder, and that it waits if no event told of the change; return how many files there are.

    What was there long before the first look is no drop: the stack was not asked to start on it then, or knows it.
    """
    try:
        look = look_at(settings.bucket_name, drop.name)
    except DatasetError:
        drop.look(ledger, at, drop.fingerprint or "", MAX_FILES)  # not listed again before the time for so many
        raise
    is_new = _time(at) - _time(look.newest_at or at) < timedelta(hours=_DAY_HOURS)
    is_drop = look.has_pictures and look.fingerprint != drop.fingerprint
    if is_drop and (is_new or drop.fingerprint is not None):
        Drop.note(ledger, drop.name, at)
        logger.warning("no event told of a change", dataset=drop.name, num_files=look.num_files)
    drop.look(ledger, at, look.fingerprint, look.num_files)
    return look.num_files


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
