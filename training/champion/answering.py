"""A process that answers pictures with the code of a model artifact, as its endpoint does; nothing of ours is imported.

    python answering.py MODEL_FOLDER QUESTIONS ANSWERS

QUESTIONS holds the path of a picture a line, as JSON. ANSWERS gets first what answered, then the best class of each
picture, or null where the endpoint would refuse it.
"""

import importlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def main(model_folder: Path, questions: Path, answers: Path) -> None:
    """Answer every picture."""
    sys.path[0] = str(model_folder / "code")  # in place of the folder of this file, which holds names of its own
    served: Any = importlib.import_module("inference")
    classifier = served.model_fn(str(model_folder))
    predictor = getattr(classifier, "predictor", None)
    described = {"engine": getattr(predictor, "engine", ""), "precision": getattr(predictor, "precision", "")}
    paths = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines()]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool, answers.open("w", encoding="utf-8") as output:
        output.write(json.dumps(described) + "\n")
        for answer in pool.map(lambda path: best_class(served, classifier, path), paths):
            output.write(json.dumps(answer) + "\n")


def best_class(served: Any, classifier: Any, path: str) -> str | None:
    """Return the class that the artifact's code answers for a picture, None where it refuses the picture."""
    try:
        data = served.input_fn(Path(path).read_bytes(), "application/x-image")
        body, _ = served.output_fn(served.predict_fn(data, classifier), "application/json;top_k=1")
    except Exception as error:
        if hasattr(error, "status_code"):  # of the artifact's own class: an endpoint answers it with that status
            return None
        raise
    return str(json.loads(body)["predictions"][0]["class_name"])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
    os._exit(0)  # an engine may still compile beside the requests, and its threads take no orderly end
