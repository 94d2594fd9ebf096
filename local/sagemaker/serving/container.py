"""Serve one model as a SageMaker container does: GET /ping and POST /invocations.

    python local/sagemaker/serving/container.py --listen-fd 3

The socket is inherited, listening already. SAGEMAKER_BASE_DIR stands for /opt/ml. The user's functions are run by
AWS's sagemaker-inference toolkit with the defaults of its PyTorch container. The model is loaded before the first
/ping is answered; a model that does not load ends the process with its traceback on standard error.
"""

import argparse
import json
import os
import socket
import sys
import threading
import traceback
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_MAX_QUEUED = 256


class Context:
    """What the toolkit calls the context of a request: its headers, and the status and headers of the answer."""

    def __init__(self, model_dir: str, headers: dict[str, str]) -> None:
        self.system_properties = {"model_dir": model_dir}
        self.request_processor = [self]
        self.request_id = headers.get("X-Amzn-SageMaker-Inference-Id", "")
        self.response_headers: dict[str, str] = {}
        self.status = 200
        self._headers = headers

    def get_request_properties(self) -> dict[str, str]:
        """Return the headers of the request."""
        return self._headers

    def get_all_request_header(self, _index: int) -> dict[str, str]:
        """Return the headers of the request."""
        return self._headers

    def get_request_header(self, _index: int, key: str) -> str | None:
        """Return one header of the request, or None."""
        return self._headers.get(key)

    def set_response_content_type(self, _index: int, value: str) -> None:
        """Set the content type of the answer."""
        self.response_headers["Content-Type"] = value

    def set_response_header(self, _index: int, key: str, value: str) -> None:
        """Set a header of the answer."""
        self.response_headers[key] = value

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Set the HTTP status of the answer."""
        self.status = code


class Model:
    """The user's model, loaded and run by AWS's toolkit; so many requests at a time as the container has workers."""

    def __init__(self, model_dir: str, num_workers: int) -> None:
        from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
        from sagemaker_inference.transformer import Transformer

        self._model_dir = model_dir
        self._free_workers = threading.BoundedSemaphore(num_workers)
        self._transformer = Transformer(default_inference_handler=_pytorch_defaults(DefaultInferenceHandler))

    def load(self) -> None:
        """Import the user's module and run its model_fn."""
        context = Context(self._model_dir, {})
        self._transformer.validate_and_initialize(model_dir=self._model_dir, context=context)

    def answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body that the user's functions give for one request."""
        context = Context(self._model_dir, headers)
        with self._free_workers:
            result = self._transformer.transform([{"body": body}], context)[0]
        if context.status >= 500:
            print(result, file=sys.stderr, flush=True)  # noqa: T201 (standard error is the container's log)
        content = result if isinstance(result, bytes | bytearray) else str(result).encode()
        return context.status, context.response_headers, bytes(content)


def _pytorch_defaults(toolkit_default: type) -> Any:
    """Return the PyTorch container's default functions; torch is imported only when one of them is used."""

    def defaults() -> Any:
        from sagemaker_pytorch_serving_container.default_pytorch_inference_handler import (
            DefaultPytorchInferenceHandler,
        )

        return DefaultPytorchInferenceHandler()

    class Defaults(toolkit_default):  # type: ignore[misc]
        def default_model_fn(self, model_dir: str) -> Any:
            return defaults().default_model_fn(model_dir)

        def default_input_fn(self, input_data: Any, content_type: str) -> Any:
            return defaults().default_input_fn(input_data, content_type)

        def default_predict_fn(self, data: Any, model: Any) -> Any:
            return defaults().default_predict_fn(data, model)

        def default_output_fn(self, prediction: Any, accept: str) -> Any:
            return defaults().default_output_fn(prediction, accept)

    return Defaults()


class Handler(BaseHTTPRequestHandler):
    """The container contract over HTTP/1.1 with connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet
    model: Model

    def do_GET(self) -> None:
        """Answer /ping: the model was loaded before the server started."""
        self._send(200 if self.path == "/ping" else 404, {}, b"")

    def do_POST(self) -> None:
        """Answer /invocations with what the model says."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations":
            self._send(404, {}, b"")
            return
        try:
            status, headers, content = self.model.answer(body, _plain(self.headers))
        except Exception:  # noqa: BLE001 (a container answers 500 and lives on)
            traceback.print_exc()
            problem = {"code": 500, "type": "InternalServerException", "message": "Worker died."}
            status, headers, content = 500, {"Content-Type": "application/json"}, json.dumps(problem).encode()
        self._send(status, headers, content)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value.replace("\r", " ").replace("\n", " "))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name that the base class gives it)
        """Leave requests out of the log, as the container does at its default level."""


def _plain(headers: Message) -> dict[str, str]:
    return dict(headers.items())


def _serve(listener: socket.socket, model: Model) -> None:
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = _MAX_QUEUED

    server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_address = listener.getsockname()
    Handler.model = model
    server.serve_forever(poll_interval=0.5)


def main() -> None:
    """Load the model and serve it until the process is ended."""
    parser = argparse.ArgumentParser(prog="container.py", description=__doc__)
    parser.add_argument("--listen-fd", type=int, required=True, help="an inherited socket that listens")
    listener = socket.socket(fileno=parser.parse_args().listen_fd)
    model_dir = str(Path(os.environ["SAGEMAKER_BASE_DIR"]) / "model")
    submit_directory = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or str(Path(model_dir) / "code")
    sys.path[0] = submit_directory  # in place of this file's own folder
    model = Model(model_dir, int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or 1))
    try:
        model.load()
    except Exception:  # noqa: BLE001 (a user's model may fail in any way; its traceback is the container's log)
        traceback.print_exc()
        sys.exit(1)
    _serve(listener, model)


if __name__ == "__main__":
    main()
