"""The doctor's whole visit: from the signatures and features of all pictures to findings and better splits."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from datasets.groups import compiled, group_of
from training.doctor.duplicates import MAX_COMPARED, Pair, clusters, find_pairs
from training.doctor.findings import Examination, Finding, class_rows
from training.doctor.labels import suspects
from training.doctor.neighbours import Features
from training.doctor.quality import outliers, poor_pictures
from training.doctor.repair import ORDER, Placed, moves
from training.doctor.signatures import Signature

FEW_IMAGES = 10  # of a class in train
IMBALANCE = 10  # times as many as the smallest class


@dataclass(frozen=True)
class Question:
    """What is examined: each picture with its signature, and features where there are any."""

    pictures: Sequence[Placed]
    signatures: Sequence[Signature]
    features: Features | None
    class_names: Sequence[str]
    image_size: int
    group_by: str = ""
    made: Mapping[str, float] = field(default_factory=dict)  # the splits that were made, with their fractions
    seed: int = 0

    @property
    def labels(self) -> list[int]:
        places = {name: index for index, name in enumerate(self.class_names)}
        return [places[picture.class_name] for picture in self.pictures]


def examine(question: Question) -> Examination:
    """Return what is wrong with the pictures, and which of them have to change their split.

    Raises:
        DatasetError: GroupBy is no regular expression.
    """
    pairs = find_pairs(question.signatures, question.labels, question.features, question.seed)
    same = clusters(len(question.pictures), pairs)
    changes = moves(question.pictures, same, question.group_by, question.made, question.seed)
    rows = [*_duplicates(question, pairs, same, changes), *_groups(question, same, changes)]
    if question.features is not None:
        rows += [*_labels(question, question.features, same), *_outliers(question, question.features)]
    poor, sentences = poor_pictures(question.signatures, question.image_size)
    rows += [_about(question, index, kind, score, reason, action="drop") for index, kind, score, reason in poor]
    placed = [(each.class_name, changes.get(each.path, each.split)) for each in question.pictures]
    classes = class_rows(question.class_names, placed)
    return Examination(
        rows,
        changes,
        [*_class_warnings(classes), *sentences, *_limits(len(question.pictures))],
        list(question.made),
        question.group_by,
        classes,
        len(question.pictures),
    )


def _limits(count: int) -> list[str]:
    """Return what is to say of a dataset that is too large to compare each picture with every other."""
    if count <= MAX_COMPARED:
        return []
    return [
        f"{count:,} pictures: near copies were looked for among {MAX_COMPARED:,} at a time, class by class, and equal "
        "files among all"
    ]


def _about(question: Question, index: int, kind: str, score: float, reason: str, **more: str) -> Finding:
    picture = question.pictures[index]
    digest = question.signatures[index].sha256.hex()
    return Finding(
        kind, picture.path, picture.split, picture.class_name, round(score, 4), reason, sha256=digest, **more
    )


def _duplicates(
    question: Question, pairs: Sequence[Pair], same: Sequence[int], changes: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield one finding for each picture that is a copy, with the picture that it is a copy of."""
    order = sorted(range(len(same)), key=lambda index: (ORDER.index(question.pictures[index].split), index))
    first: dict[int, int] = {}
    best = _best_partners(pairs)
    for index in order:
        original = first.setdefault(same[index], index)
        if original != index:
            yield _copy(question, index, original, best, changes)


def _best_partners(pairs: Sequence[Pair]) -> dict[int, Pair]:
    best: dict[int, Pair] = {}
    for pair in pairs:
        for index in (pair.first, pair.second):
            if index not in best or pair.score > best[index].score:
                best[index] = pair
    return best


def _copy(
    question: Question, index: int, original: int, best: Mapping[int, Pair], changes: Mapping[str, str]
) -> Finding:
    picture, other = question.pictures[index], question.pictures[original]
    how = "the very bytes of" if best[index].is_exact else "the same picture as"
    more = {"other": other.path, "other_class": other.class_name, "action": "drop"}
    reason = f"{how} {other.path!r} of the {other.split} split"
    done = _done(picture, changes)
    if picture.split != other.split:
        return _about(question, index, "leak", best[index].score, reason, done=done, **more)
    if picture.class_name != other.class_name:
        return _about(question, index, "two labels", best[index].score, f"{reason}, of {other.class_name!r}", **more)
    return _about(question, index, "duplicate", best[index].score, reason, done=done, **more)


def _groups(question: Question, same: Sequence[int], changes: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the pictures that change their split for their group's sake."""
    pattern = compiled(question.group_by)
    alone = Counter(same)
    for index, picture in enumerate(question.pictures):
        group = group_of(picture.path, pattern)
        if group and picture.path in changes and alone[same[index]] == 1:
            reason = f"of group {group!r}, which is in an earlier split too"
            yield _about(question, index, "group leak", 1.0, reason, done=_done(picture, changes), action="drop")


def _done(picture: Placed, changes: Mapping[str, str]) -> str:
    if picture.path not in changes:
        return ""
    split = changes[picture.path]
    return f"moved to {split}" if split else f"left the {picture.split} split"


def _labels(question: Question, features: Features, same: Sequence[int]) -> Iterator[Finding]:
    for suspect in suspects(features, question.labels, same):
        name = question.class_names[suspect.label]
        reason = f"the other pictures say {name!r}, by {suspect.margin:.0%}"
        yield _about(question, suspect.index, "wrong label", suspect.margin, reason, action="relabel", value=name)


def _outliers(question: Question, features: Features) -> Iterator[Finding]:
    for index, deviations in outliers(features, question.labels):
        reason = f"{deviations:.1f} deviations farther from its class than is usual"
        yield _about(question, index, "outlier", deviations, reason, action="drop")


def _class_warnings(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Return what is to say of classes that are too small, or out of balance."""
    counts = {str(row["class_name"]): int(str(row["train"])) for row in rows}
    few = sorted((count, name) for name, count in counts.items() if count < FEW_IMAGES)
    sentences = []
    if few:
        named = ", ".join(f"{name!r} ({count})" for count, name in few[:5])
        more = f" and {len(few) - 5} more" if len(few) > 5 else ""
        sentences.append(f"classes with fewer than {FEW_IMAGES} images to train on: {named}{more}; add some")
    if counts and max(counts.values()) >= IMBALANCE * max(1, min(counts.values())):
        most, least = max(counts, key=lambda name: counts[name]), min(counts, key=lambda name: counts[name])
        sentences.append(f"out of balance: {counts[most]} images of {most!r} to train on, {counts[least]} of {least!r}")
    lacking = [str(row["class_name"]) for row in rows if not row["test"] and any(other["test"] for other in rows)]
    if lacking:
        sentences.append(f"no image in test, so its accuracy there is unknown: {', '.join(lacking[:5])}")
    return sentences
