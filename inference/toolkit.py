"""What AWS's serving toolkit answers when a request fails, and what it does when the model must not serve."""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from inference.errors import RequestError, ServingError

_TRANSFORMER = "sagemaker_inference.transformer"
_TORCHSERVE = b"org.pytorch.serve.ModelServer"
logger = logging.getLogger(__name__)


def answer_failures_in_one_sentence() -> None:
    """Let the toolkit, where it runs, answer a failed request with its status and sentence alone.

    Its own answer ends in the traceback, with paths and whatever the exceptions quote, and is logged word by word.
    Source: handle_error of https://github.com/aws/sagemaker-inference-toolkit/blob/master/src/sagemaker_inference/transformer.py
    """
    transformer = sys.modules.get(_TRANSFORMER)
    if transformer is not None:  # a training job imports this file too, and no toolkit
        transformer.Transformer.handle_error = staticmethod(_one_sentence)


def end_model_server() -> bool:
    """End TorchServe, if this process is one of its workers, so that nothing answers /ping; return whether it is.

    TorchServe answers /ping with 200 while it starts a worker again and again, for five minutes, so a worker that only
    dies would come into service. Its front end is the parent process of its workers.
    Source: isModelHealthy and WorkerThread of https://github.com/pytorch/serve/tree/v0.12.0/frontend/server
    """
    parent = os.getppid()
    try:
        arguments = Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")
    except OSError:  # no Linux
        return False
    if _TORCHSERVE not in arguments:
        return False
    os.kill(parent, signal.SIGTERM)
    return True


def _one_sentence(context: Any, failure: Any, _trace: str) -> list[str]:
    """Return the body of the answer; `failure` is what the toolkit made of the exception that is being handled."""
    error = _typed(sys.exception() or failure)
    context.set_response_status(code=error.status_code, phrase=error.message)
    if error.status_code < 500:
        logger.info("refused with %d: %s", error.status_code, error)
    else:
        logger.error("failed with %d: %s", error.status_code, error)
    return [error.message]


def _typed(error: BaseException) -> ServingError:
    if isinstance(error, ServingError):
        return error
    if isinstance(error, UnicodeDecodeError):  # raised by the toolkit, which decodes JSON before input_fn sees it
        return RequestError(400, "the body is not UTF-8")
    logger.error("%s at %s", type(error).__name__, " <- ".join(_places(error)))
    return ServingError(500, f"the model failed with {type(error).__name__}; the endpoint's log says where")


def _places(error: BaseException) -> list[str]:
    """Return function and line of each call, the last one first: a traceback without what the exceptions quote."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[::-1]
