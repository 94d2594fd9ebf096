"""The champion's part of evaluation.json: what it answers for the test pictures, beside the candidate's answers."""

from collections.abc import Sequence
from typing import Any

from training.champion.answers import Answers, ChampionError, ask, described, learned_from, unpacked
from training.champion.classes import class_changes
from training.champion.comparison import compared, outcomes, write_outcomes
from training.config import TrainingConfig
from training.data.splits import Datasets


def champion_scores(config: TrainingConfig, datasets: Datasets, predicted: Sequence[int]) -> dict[str, Any] | None:
    """Return how the model that serves compares with the candidate's `predicted` class indices; None if none serves.

    One that cannot be asked is no reason to lose a trained model: `problem` says why, for the gate to judge.
    """
    if not config.champion_name:
        return None
    known: dict[str, Any] = {"name": config.champion_name, "problem": config.champion_problem}
    if known["problem"]:
        return known
    try:
        return known | _scores(config, datasets, [datasets.class_names[index] for index in predicted])
    except ChampionError as error:
        return known | {"problem": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever its code or its files are, this job's own work is done
        return known | {"problem": f"it cannot be scored: {type(error).__name__}: {error}"}


def _scores(config: TrainingConfig, datasets: Datasets, candidate: Sequence[str]) -> dict[str, Any]:
    if config.champion is None or datasets.test is None:
        raise ChampionError("there is no 'champion' channel or no test split to score it on")
    test = datasets.test
    learned = learned_from(config.champion)
    with unpacked(config.champion) as folder:
        description = described(folder)
        answers = ask(folder, [sample.path for sample in test.samples])
    changes = class_changes(description["class_names"], datasets.class_names, learned, _classes(datasets))
    pictures = [
        (sample.relative_path, sample.class_name, digest)
        for sample, digest in zip(test.samples, test.digests, strict=True)
    ]
    rows = list(outcomes(pictures, candidate, answers.class_names, changes, set(learned or ())))
    write_outcomes(rows, config.output_data_dir)
    return {
        "training_job_name": description.get("training_job_name", ""),
        "engine": answers.engine,
        "precision": answers.precision,
        "otherwise": served_otherwise(description, answers),
        "knows_what_it_learned": learned is not None,
        "classes": changes.to_dict(),
        **compared(rows),
    }


def served_otherwise(description: dict[str, Any], answers: Answers) -> str:
    """Return how the artifact is meant to be served, where this machine could not do it; "" where it did."""
    serving = description.get("serving") or {}
    meant = serving.get("engine", "torch"), serving.get("precision", "fp32")
    return "" if meant == (answers.engine, answers.precision) else f"{meant[0]} in {meant[1]}"


def _classes(datasets: Datasets) -> dict[bytes, str]:
    """Return the class of each picture of this job by its SHA-256."""
    classes: dict[bytes, str] = {}
    for split in filter(None, (datasets.train, datasets.validation, datasets.test)):
        classes.update(zip(split.digests, (sample.class_name for sample in split.samples), strict=True))
    return classes
