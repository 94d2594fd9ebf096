"""What a caller of the prediction function can be told: one class for each kind of failure, each with its HTTP status.

Messages name what was seen and what to do. None holds a URL's query string, user name or password, nor image bytes, nor
anything that a container or a server said; and none tells of an object or an address more than its caller may see.
"""

from handlers.contract.errors import RetrieverError


class PredictionError(RetrieverError):
    """A failure that ends in an HTTP answer with `status`; `retry_after_seconds` becomes a Retry-After header."""

    status = 500
    retry_after_seconds: int | None = None

    @property
    def name(self) -> str:
        """What a caller reads in "error"."""
        return type(self).__name__.removesuffix("Error")


class UnforeseenError(PredictionError):
    """A defect of ours; its cause goes to the log alone."""

    def __init__(self) -> None:
        super().__init__("unexpected error; the function's log has its cause under this request_id")

    @property
    def name(self) -> str:
        """What a caller reads in "error"."""
        return "Prediction"


class BadRequestError(PredictionError):
    """The request is not one of the forms that are understood."""

    status = 400


class ForbiddenError(PredictionError):
    """The bucket or the address may not be read from."""

    status = 403


class ImageNotFoundError(PredictionError):
    """There is no image at the URL or S3 URI."""

    status = 404


class ImageTooLargeError(PredictionError):
    """The image has more bytes than the limit."""

    status = 413


class NotAnImageError(PredictionError):
    """The bytes are of no kind of picture that is read."""

    status = 415


class FetchFailedError(PredictionError):
    """The image's server could not be reached, or answered with something else than an image."""

    status = 422


class TooManyRequestsError(PredictionError):
    """The endpoint has more requests than it can serve now."""

    status = 429
    retry_after_seconds = 1


class NotPermittedError(PredictionError):
    """The function's own role lacks a permission."""

    status = 500


class ModelFailedError(PredictionError):
    """The model raised, or its answer cannot be read."""

    status = 502


class UnavailableError(PredictionError):
    """The endpoint does not exist, is not InService, or gave no answer; or S3 did not."""

    status = 503
    retry_after_seconds = 30
    is_missing = False  # the endpoint does not exist, or is not InService


class EndpointStoppedError(PredictionError):
    """The endpoint was taken away while nobody asked; the hint says when it will be there, if anybody starts it."""

    status = 503


class OutOfTimeError(PredictionError):
    """The image's server or the endpoint took longer than it may."""

    status = 504


class ModelRefusedError(PredictionError):
    """The model refused the image; the status is the model's own, 4xx."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
