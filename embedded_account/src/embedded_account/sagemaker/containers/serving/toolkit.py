"""The user's model, loaded and run by AWS's sagemaker-inference toolkit with the defaults of its PyTorch container."""

import importlib
import sys
import types
from typing import Any


class Context:
    """What the toolkit calls the context of a request: its headers, and the status and headers of the answer."""

    def __init__(self, model_dir: str, headers: dict[str, str]) -> None:
        self.model_name = "model"  # what the container tells TorchServe to call it
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
    """The user's model; `answer` may be called by several threads at once."""

    def __init__(self, model_dir: str) -> None:
        import_without_scipy("sagemaker_inference.transformer")
        from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
        from sagemaker_inference.transformer import Transformer

        self._model_dir = model_dir
        self._transformer = Transformer(default_inference_handler=_pytorch_defaults(DefaultInferenceHandler))

    def load(self) -> None:
        """Import the user's module and run its model_fn."""
        context = Context(self._model_dir, {})
        self._transformer.validate_and_initialize(model_dir=self._model_dir, context=context)

    def answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body that the user's functions give for one request."""
        context = Context(self._model_dir, headers)
        result = self._transformer.transform([{"body": body}], context)[0]
        if context.status >= 500:
            print(result, file=sys.stderr, flush=True)  # noqa: T201 (standard error is the container's log)
        content = result if isinstance(result, bytes | bytearray) else str(result).encode()
        return context.status, context.response_headers, bytes(content)


def import_without_scipy(name: str) -> None:
    """Import the module `name`, whose use of scipy.sparse loads scipy when it comes to that.

    The toolkit reads sparse matrices with it. Importing it takes 0.25 s and 35 MB, of every instance's start.
    """
    if "scipy" in sys.modules:
        importlib.import_module(name)
        return

    class LaterScipy(types.ModuleType):
        def __getattr__(self, attribute: str) -> Any:
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            return importlib.import_module(f"scipy.{attribute}")

    stand_ins = {"scipy": LaterScipy("scipy"), "scipy.sparse": types.ModuleType("scipy.sparse")}
    stand_ins["scipy"].__path__ = []
    sys.modules.update(stand_ins)
    try:
        importlib.import_module(name)
    finally:
        for stand_in in stand_ins:
            del sys.modules[stand_in]


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
