"""The failures that a request is answered with: an HTTP status and one sentence.

ServingError             a BaseInferenceToolkitError, which AWS's serving toolkit answers with its status
  RequestError           the caller's mistake: 400 or 415
  NoAnswerError          the network gave no numbers: 500
"""

try:
    from sagemaker_inference.errors import BaseInferenceToolkitError
except ImportError:

    class BaseInferenceToolkitError(Exception):  # type: ignore[no-redef]
        """The same three fields, where the serving toolkit is not installed."""

        def __init__(self, status_code: int, message: str, phrase: str) -> None:
            self.status_code = status_code
            self.message = message
            self.phrase = phrase
            super().__init__(status_code, message, phrase)


class ServingError(BaseInferenceToolkitError):  # type: ignore[misc]
    """The container answers with `status_code` and `message`, a sentence without a path or a byte of the picture."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(status_code, message, message)

    def __str__(self) -> str:
        return str(self.message)


class RequestError(ServingError, ValueError):
    """The caller's mistake."""


class NoAnswerError(ServingError, ArithmeticError):
    """The network gave something else than numbers for a picture, which JSON cannot say."""

    def __init__(self) -> None:
        super().__init__(500, "the network gave no finite numbers for this picture; train it again")
