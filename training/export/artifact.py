"""The model artifact: weights, graphs, model.json, and the code that answers requests."""

import shutil
from pathlib import Path
from typing import Any

import torch

import inference
from training.config import TrainingConfig
from training.data.splits import Datasets
from training.export.json_files import write_json
from training.export.serving import Serving, export_serving
from training.model.trained import TrainedModel
from training.versions import versions

INFERENCE = Path(inference.__file__).resolve().parent
WEIGHTS_FILE = "model.pt"
REQUIREMENTS_FILE = "requirements.txt"
NOT_SERVED = shutil.ignore_patterns("__pycache__", REQUIREMENTS_FILE)


def save_model(trained: TrainedModel, config: TrainingConfig, datasets: Datasets | None = None) -> Serving:
    """Write weights, graphs, model.json and code/ to the model folder; a half-written artifact has no weights file.

    The graph is brought to int8 on the images of `datasets`, where it then answers as the network does.
    """
    folder = config.model_dir
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu().contiguous() for name, value in trained.network.state_dict().items()}
    torch.save(state, folder / f"{WEIGHTS_FILE}.partial")
    shutil.copytree(INFERENCE, folder / "code", ignore=NOT_SERVED, dirs_exist_ok=True)
    serving = export_serving(trained, datasets, folder)
    if serving.engine != "torch":  # else the container, which installs them at every start, has all that is needed
        shutil.copyfile(INFERENCE / REQUIREMENTS_FILE, folder / "code" / REQUIREMENTS_FILE)
    write_json(folder / "model.json", model_description(trained, config, serving))
    (folder / f"{WEIGHTS_FILE}.partial").replace(folder / WEIGHTS_FILE)
    return serving


def model_description(trained: TrainedModel, config: TrainingConfig, serving: Serving) -> dict[str, Any]:
    """Return the content of model.json."""
    return {
        "format_version": 1,
        "weights_file": WEIGHTS_FILE,
        "class_names": trained.class_names,
        **trained.spec.to_dict(),
        "preprocessing": trained.preprocessing.to_dict(),
        "serving": serving.to_dict(),
        "dataset_fingerprint": config.dataset_fingerprint,
        "training_job_name": config.training_job_name,
        "versions": versions(),
    }
