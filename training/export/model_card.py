"""MODEL_CARD.md in the artifact: what the model is, what it was trained on, how it was judged, and where it ends.

Source: Mitchell et al., Model Cards for Model Reporting (2019), whose headings these are.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CARD_FILE = "MODEL_CARD.md"
CLASSES_SHOWN = 20  # the weakest; evaluation.json has them all
_SETTINGS = ("model_name", "weights", "trainable", "image_size", "epochs", "augment")


def try_card(evaluation: Mapping[str, Any], folder: Path) -> str:
    """Write the card and return a line that says where it is, or why there is none: it must not cost the job."""
    try:
        path = folder / CARD_FILE
        path.write_text(card(evaluation), encoding="utf-8", errors="replace")
    except Exception as error:  # noqa: BLE001 - the model is trained, saved and evaluated by now
        return f"{CARD_FILE} was not written: {type(error).__name__}: {error}; evaluation.json holds every number"
    return f"model card: {path}"


def card(evaluation: Mapping[str, Any]) -> str:
    """Return the card's text."""
    from reports.findings import findings

    names, given = evaluation["class_names"], evaluation["hyperparameters"]
    serving = evaluation.get("serving") or {}
    settings = ", ".join(f"{name} {given[name]}" for name in _SETTINGS if name in given)
    known = [
        f"A picture of anything else than the {len(names):,} classes gets one of them all the same.",
        "The numbers hold for pictures like those of the dataset; other cameras, places or times were not tried.",
        *(finding.text for finding in findings(evaluation)),
    ]
    return "\n".join(
        [
            f"# Model card: {evaluation['training_job_name']}",
            "",
            "## Model details",
            "",
            f"An image classifier: {settings}. It serves by {serving.get('engine', 'torch')}"
            f" in {serving.get('precision', 'fp32')}. All hyperparameters and versions are in evaluation.json.",
            "",
            "## Intended use",
            "",
            f"To name the class of one photograph, of these {len(names):,}: {_enumeration(names)}.",
            "",
            "## Training data",
            "",
            f"{evaluation['num_train_images']:,} pictures, and {evaluation['num_validation_images']:,} to choose the"
            f" best epoch; dataset fingerprint {evaluation['dataset_fingerprint']}, seed {evaluation['seed']}.",
            "",
            "## Evaluation",
            "",
            f"On {evaluation['num_test_images']:,} pictures that had no part in training, as an endpoint answers them.",
            "The floors that it had to reach are those of the gate: provenance.json of the run has them.",
            *_classes(evaluation["per_class"]),
            "",
            "## Limits",
            "",
            *(f"- {sentence}" for sentence in known),
            "",
        ]
    )


def _enumeration(names: Sequence[str]) -> str:
    shown = ", ".join(names[:CLASSES_SHOWN])
    return f"{shown}, and {len(names) - CLASSES_SHOWN:,} more" if len(names) > CLASSES_SHOWN else shown


def _classes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a table of the classes, the weakest first."""
    if not rows:
        return []
    weakest = sorted(rows, key=lambda row: (row["recall"], row["class_name"]))[:CLASSES_SHOWN]
    return [
        "",
        "| class | test pictures | recall | precision |",
        "|---|---|---|---|",
        *(
            f"| {row['class_name']} | {row['num_images']} | {row['recall']:.4f} | {row['precision']:.4f} |"
            for row in weakest
        ),
    ]
