"""Images read and examined: what leaks is on one side before anything is trained on it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from datasets.errors import DatasetError as PatternError
from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.splits import Datasets, Reader, Split, find_images, load_datasets
from training.doctor.examination import Question, examine
from training.doctor.findings import FINDINGS_FILE, SUMMARY_FILE, Examination, Finding
from training.doctor.neighbours import Features
from training.doctor.repair import Placed
from training.errors import DatasetError
from training.listing import DataProblem, Listing, Sample

REPORTED = "reported"


def load_examined(config: TrainingConfig, preprocessing: Preprocessing, training: Preprocessing) -> Datasets:
    """Read all splits, let the doctor see them without features, and return them as they should be.

    Where a job has examined them already, they are as it left them, and its findings are theirs.

    Raises:
        DatasetError: as `load_datasets`, or too much of a given split is in another one too, or findings.json cannot
            be read.
    """
    listings = find_images(config)
    if config.examination is not None:
        earlier = read_examination(config.examination)
        return _with_findings(load_datasets(config, preprocessing, training, listings), earlier, has_seen_all=False)
    datasets = load_datasets(config, preprocessing, training, listings, is_examined=True)
    examination = examine_datasets(config, listings, datasets, None)
    return as_examined(config, preprocessing, training, listings, datasets, examination)


def examine_datasets(
    config: TrainingConfig,
    listings: Mapping[str, Listing],
    datasets: Datasets,
    features: Features | None,
) -> Examination:
    """Return what the doctor finds in all images; `features` are theirs, split by split.

    Raises:
        DatasetError: too much of a given split is in another one too, or GroupBy is no regular expression.
    """
    try:
        examination = examine(_question(config, listings, datasets, features))
    except PatternError as error:
        raise DatasetError(str(error)) from error
    aside = [problem for problem in datasets.problems if problem.kind != REPORTED]
    examination.findings += [Finding("set aside", each.path, "", "", 1.0, each.reason) for each in aside]
    _check_what_is_left(datasets, examination, config.max_duplicates)
    return examination


def as_examined(
    config: TrainingConfig,
    preprocessing: Preprocessing,
    training: Preprocessing,
    listings: Mapping[str, Listing],
    datasets: Datasets,
    examination: Examination,
    read: Reader | None = None,
) -> Datasets:
    """Return the datasets as the doctor wants them, with what was found; they are read again where a picture moves."""
    if examination.moves:
        moved = rearranged(listings, examination.moves, config)
        datasets = load_datasets(config, preprocessing, training, moved, read=read)
    return _with_findings(datasets, examination, has_seen_all=True)


def _with_findings(datasets: Datasets, examination: Examination, *, has_seen_all: bool) -> Datasets:
    """Add what was found; pictures that were set aside are named where `datasets` has not met them itself."""
    whole = examination.to_dict()
    datasets.moves = examination.moves
    datasets.examination = {name: whole[name] for name in ("summary", "counts", "num_left", "made_splits", "classes")}
    aside = [] if has_seen_all else [row for row in examination.findings if row.kind == "set aside"]
    datasets.problems += [DataProblem(row.path, row.reason) for row in aside]
    datasets.problems += problems_of(examination)
    return datasets


def read_examination(folder: Path) -> Examination:
    """Return what a job found earlier.

    Raises:
        DatasetError: its findings.json cannot be read.
    """
    try:
        return Examination.from_dict(json.loads((folder / FINDINGS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"findings.json cannot be read from {str(folder)!r}: {error!r}; examine the images again"
        ) from error


def rearranged(listings: Mapping[str, Listing], moves: Mapping[str, str], config: TrainingConfig) -> dict[str, Listing]:
    """Return the listings with each picture where `moves` has it; a listing that is not here takes none."""
    result = {name: replace(listing, samples=[]) for name, listing in listings.items()}
    for split, listing in listings.items():
        for sample in listing.samples:
            target = moves.get(name_of(split, sample, config), split)
            if target in result:
                result[target].samples.append(sample)
    for listing in result.values():
        listing.samples.sort(key=lambda sample: sample.path)
    return {name: listing for name, listing in result.items() if listing.samples or name != "test"}


def name_of(split: str, sample: Sample, config: TrainingConfig) -> str:
    """Return what a picture is called among all splits: folders of splits that were given apart have the same paths."""
    is_whole = config.data is not None or config.dataset_s3_uri
    return sample.relative_path if is_whole else f"{split}/{sample.relative_path}"


def problems_of(examination: Examination) -> list[DataProblem]:
    """Return the findings as problems of the data; what left a split was set aside."""
    return [_problem(finding, examination) for finding in examination.findings if finding.kind != "set aside"]


def write_splits(examination: Examination, datasets: Datasets, config: TrainingConfig, folder: Path) -> None:
    """Write, for jobs that read images, the manifests of the splits as they are now, and last what was found."""
    for split in _splits(datasets) if config.dataset_s3_uri else ():
        entries = [{"prefix": config.dataset_s3_uri}, *(sample.relative_path for sample in split.samples)]
        (folder / f"{split.name}.manifest").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    sentences = examination.to_dict()["summary"]
    (folder / SUMMARY_FILE).write_text(json.dumps(sentences, ensure_ascii=False), encoding="utf-8", errors="replace")


def _question(
    config: TrainingConfig, listings: Mapping[str, Listing], datasets: Datasets, features: Features | None
) -> Question:
    fractions = {"validation": config.validation_fraction, "test": config.test_fraction}
    named = config.made_splits.split(",")
    return Question(
        pictures=[
            Placed(name_of(split.name, sample, config), sample.class_name, split.name)
            for split in _splits(datasets)
            for sample in split.samples
        ],
        signatures=[signature for split in _splits(datasets) for signature in split.signatures],
        features=features,
        class_names=datasets.class_names,
        image_size=config.image_size,
        group_by=config.group_by,
        made={
            name: fraction
            for name, fraction in fractions.items()
            if name in named or (name in listings and listings[name].is_made)
        },
        seed=config.seed,
    )


def _splits(datasets: Datasets) -> Iterator[Split]:
    yield from filter(None, (datasets.train, datasets.validation, datasets.test))


def _check_what_is_left(datasets: Datasets, examination: Examination, limit: float) -> None:
    """Refuse splits of which more than `limit` leak: little would be left, and somebody has mixed them up."""
    for split in _splits(datasets):
        count, total = examination.num_left(split.name), len(split)
        if count and limit < 1 and (count > limit * total or count == total):
            first = next(finding for finding in examination.left() if finding.split == split.name)
            raise DatasetError(
                f"{count} of {total} images of the {split.name} split are in an earlier split too (at most {limit:.0%} "
                f"may be), so its accuracy would mean nothing, the first {first.path!r}: {first.reason}; remove them"
            )


def _problem(finding: Finding, examination: Examination) -> DataProblem:
    has_left = examination.moves.get(finding.path) == ""
    done = f"; it {finding.done}" if finding.done else ""
    reason = f"{finding.kind}: {finding.reason}{done}"
    return DataProblem(finding.path, reason) if has_left else DataProblem(finding.path, reason, REPORTED)
