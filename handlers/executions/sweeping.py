"""The sweep of the bucket: datasets that no event announced are started once; what starts nothing is told once.

What was the same in two sweeps has settled. That takes no clock, and leaves events their time; a folder of which only a
part was looked at must stay the same for longer. Where folders start by themselves (`SettleSeconds`), settling.py says.
"""

from dataclasses import dataclass

from handlers.aws.logs import logger
from handlers.aws.notifications import tell
from handlers.contract.errors import RetrieverError
from handlers.contract.settings import Settings
from handlers.datasets.arrivals import Complete, survey
from handlers.executions.launches import Answer, Request, start, start_next
from handlers.executions.settling import sweep_drops
from handlers.ledger import Arrival, Dataset, Event, Ledger

LOOKS = 2
LOOKS_AT_A_PART = 12
_MAX_SENTENCES = 50  # in one message


@dataclass(frozen=True)
class Swept:
    """What a sweep has done, by place."""

    started: list[str]
    told: list[str]


def sweep(ledger: Ledger, settings: Settings, at: str) -> Answer:
    """Start what still waits though no execution runs, then look after the bucket; `at` is when the sweep was due."""
    answer = start_next(ledger, settings)
    try:
        sweep_bucket(ledger, settings, at)
    except RetrieverError:  # the next sweep looks again
        logger.exception("sweep could not look after the bucket")
    return answer


def sweep_bucket(ledger: Ledger, settings: Settings, at: str) -> Swept:
    """Look at what lies in the bucket, and do about it what is due."""
    complete, misplaced, folders = survey(
        settings.bucket_name, settings.stack_name, need_marker=not settings.settle_seconds, kept=settings.predict_prefix
    )
    noted = {arrival.place: arrival for arrival in Arrival.all(ledger)}
    unannounced = [one for one in complete if not _is_known(one, ledger)]
    for place in noted.keys() - {one.key for one in unannounced} - {one.place for one in misplaced}:
        noted[place].forget(ledger)
    started = [one.key for one in unannounced if _start(one, noted.get(one.key), ledger, settings)]
    looked = [_looked_at(noted.get(one.place), one.place, one.seen, one.sentence, ledger) for one in misplaced]
    due = [
        arrival
        for arrival, one in zip(looked, misplaced, strict=True)
        if not arrival.done_at and arrival.looks >= (LOOKS_AT_A_PART if one.is_cut else LOOKS)
    ]
    if due:
        _tell(due, ledger, settings)
    started += sweep_drops(folders, at, ledger, settings)
    swept = Swept(started, [arrival.place for arrival in due])
    logger.info("bucket looked at", num_datasets=len(complete), num_misplaced=len(misplaced), started=started)
    return swept


def _is_known(one: Complete, ledger: Ledger) -> bool:
    """Tell whether an event has announced the dataset as it is, or an execution was started on it all the same."""
    event, dataset = Event.get(ledger, one.key), Dataset.get(ledger, one.name)
    handled = (event.modified_at if event else None, dataset.modified_at if dataset else None)
    if max(at or "" for at in handled) >= one.modified_at:
        return True
    # Handled by a version that did not note which object it was about: no reason to take the endpoint from another.
    return not any(handled) and (event is not None or (dataset is not None and bool(dataset.execution_name)))


def _start(one: Complete, noted: Arrival | None, ledger: Ledger, settings: Settings) -> bool:
    arrival = _looked_at(noted, one.key, one.modified_at, None, ledger)
    if arrival.done_at or arrival.looks < LOOKS:
        return False
    try:
        Dataset.upload(ledger, one.name, one.s3_uri, "")
        answer = start(Request(one.name, one.s3_uri, "sweep", modified_at=one.modified_at), ledger, settings)
    except RetrieverError:  # one dataset in trouble must not keep the others waiting
        logger.exception("a dataset that no event announced was not started", key=one.key)
        return False
    logger.warning("no event announced a dataset", key=one.key, answer=answer.reason)
    arrival.done(ledger)
    return True


def _looked_at(noted: Arrival | None, place: str, seen: str, sentence: str | None, ledger: Ledger) -> Arrival:
    """Return what is noted of a place after one more look at it."""
    if noted is None or (noted.seen != seen and not noted.done_at) or (sentence is None and noted.seen != seen):
        noted = Arrival(place)
    arrival = Arrival(place, seen, min(noted.looks + 1, LOOKS_AT_A_PART), sentence, noted.done_at)
    if arrival != noted:
        arrival.keep(ledger)
    return arrival


def _tell(due: list[Arrival], ledger: Ledger, settings: Settings) -> None:
    """Notify of all at once, and note that it was done; when it fails the next sweep tries again."""
    number = "1 upload starts" if len(due) == 1 else f"{len(due)} uploads start"
    if tell(settings, f"{settings.stack_name}: {number} nothing", "\n\n".join(_sentences(due))):
        for arrival in due:
            arrival.done(ledger)


def _sentences(due: list[Arrival]) -> list[str]:
    told = [str(one.sentence) for one in due[:_MAX_SENTENCES]]
    more = len(due) - len(told)
    return [*told, f"and {more} more; see them all with `deploy.py status`"] if more else told
