"""What is wrong with the images of a dataset taken together: duplicates, contradictions, classes out of balance."""

from collections import Counter
from collections.abc import Mapping, Sequence

from training.errors import DatasetError
from training.listing import DataProblem, Sample

REPORTED = "reported"
IMBALANCE = 10  # times as many images as the smallest class: worth a word


def check_known_classes(
    name: str, samples: list[Sample], class_names: Sequence[str], *, is_given: bool
) -> tuple[list[Sample], list[DataProblem]]:
    """Return the samples of known classes, and the others as problems; no class index depends on them.

    Raises:
        DatasetError: the class names were read off train (`is_given` is false), so an unknown class is a mistake in the
            folders that nobody has decided about.
    """
    known = set(class_names)
    kept, problems = [], []
    for sample in samples:
        if sample.class_name in known:
            kept.append(sample)
        elif is_given:
            reason = f"class folder {sample.class_name!r} is not in classes.json"
            problems.append(DataProblem(sample.relative_path, reason))
        else:
            raise DatasetError(
                f"{sample.relative_path!r} of the {name} split is of class {sample.class_name!r}, which the classes "
                "to train do not have; add such images to train, or remove the folder"
            )
    return kept, problems


def duplicates(
    samples: Mapping[str, Sequence[Sample]], digests: Mapping[str, Sequence[bytes]], limit: float
) -> list[DataProblem]:
    """Return files whose very bytes lie in an earlier split, or in another class; each takes part all the same.

    Splits are given in their order: train first.

    Raises:
        DatasetError: more than `limit` of validation or test are images of an earlier split.
    """
    first: dict[bytes, tuple[str, Sample]] = {}
    problems: list[DataProblem] = []
    for split, of_split in samples.items():
        num_seen = 0
        for sample, digest in zip(of_split, digests[split], strict=True):
            earlier, other = first.setdefault(digest, (split, sample))
            if other.class_name != sample.class_name:
                reason = f"the same image as {other.relative_path!r} of class {other.class_name!r}: one is mislabelled"
                problems.append(DataProblem(sample.relative_path, reason, REPORTED))
            elif earlier != split:
                reason = f"the same image as {other.relative_path!r} of the {earlier} split"
                problems.append(DataProblem(sample.relative_path, reason, REPORTED))
            num_seen += earlier != split
        _check_share(split, num_seen, len(of_split), limit)
    return problems


def _check_share(split: str, num_seen: int, total: int, limit: float) -> None:
    if num_seen and num_seen > limit * total:
        raise DatasetError(
            f"{num_seen} of {total} images of the {split} split are in an earlier split too (at most {limit:.0%} may "
            "be), so its accuracy would mean nothing; remove them"
        )


def absent_classes(split: str, labels: Sequence[int], class_names: Sequence[str]) -> list[DataProblem]:
    """Return the classes without an image in `split`; their scores there are unknown."""
    counts = Counter(labels)
    reason = f"no image in the {split} split, so nothing is known of this class there"
    return [
        DataProblem(f"class {name!r}", reason, REPORTED) for index, name in enumerate(class_names) if not counts[index]
    ]


def imbalance(labels: Sequence[int], class_names: Sequence[str], balance: str) -> list[DataProblem]:
    """Return a problem where the largest class of train has ten times the images of the smallest."""
    counts = Counter(labels)
    most, least = max(counts, key=lambda index: counts[index]), min(counts, key=lambda index: counts[index])
    if counts[most] < IMBALANCE * counts[least]:
        return []
    remedy = "consider class_balance loss or sampler" if balance == "none" else f"class_balance is {balance}"
    reason = f"{counts[least]} images to train on, while class {class_names[most]!r} has {counts[most]}; {remedy}"
    return [DataProblem(f"class {class_names[least]!r}", reason, REPORTED)]
