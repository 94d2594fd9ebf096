"""Every failure the handlers raise, one class for each decision that Retry, Catch or a caller takes.

A message reads `<what>: <value seen>; <what was expected or what to do>`, because it is shown to a person as it stands.

    RetrieverError
        SettingsError            an environment variable is missing or out of range
        InputError               an event, or the input of an execution, is not what the flow gives
        DatasetError             the uploaded data cannot be trained on
        DatasetChangedError      the data changed under a run
        UnpackingJobFailedError  the job that unpacks an archive did not complete
        FeaturesJobFailedError   the job that computes features did not complete
        TuningJobFailedError     the tuning job ended without a best training job
        TrainingJobFailedError   the final training job did not complete
        ModelRejectedError       the gate, or a person, said no
        ModelNotApprovedError    what a person was to approve is gone
        EndpointFailedError      the endpoint cannot be, or was not, updated
        ShadowRefusedError       it did worse than what serves, on copies of the requests
        EndpointCheckError       the live endpoint disagrees with the evaluation
        RollbackError            there is no model to go back to
        RetryError               there is nothing to retry
        AwsError                 an AWS call failed
            AwsNotFoundError     the resource does not exist
            AwsInUseError        the resource exists already, or is busy
            AwsPendingError      what the request builds on was just made, and is not known everywhere yet
            AwsConditionError    a conditional write found another value
            AwsThrottledError    AWS asked to slow down, after all tries
            AwsDeniedError       the role lacks a permission, or its credentials ended
            AwsUnavailableError  no answer, or a 5xx, after all tries
            AwsRequestError      any other refusal: the request itself is wrong
"""

MAX_CHARACTERS = 4096  # far below what a state carries: an error that does not fit ends an execution without a report
_END_CHARACTERS = 1024  # the remedy stands at the end


class RetrieverError(Exception):
    """A failure that Retriever words itself; a message that is too long is cut in its middle."""

    def __init__(self, message: str = "") -> None:
        if len(message) > MAX_CHARACTERS:
            message = f"{message[: MAX_CHARACTERS - _END_CHARACTERS - 5]} ... {message[-_END_CHARACTERS:]}"
        super().__init__(message)


class SettingsError(RetrieverError):
    """An environment variable is missing or has a value outside its range."""


class InputError(RetrieverError):
    """An event, or the input of an execution or state, lacks a part or has it in another form."""


class DatasetError(RetrieverError):
    """The uploaded data cannot be trained on."""


class DatasetChangedError(RetrieverError):
    """The data is not what the execution was started for."""


class UnpackingJobFailedError(RetrieverError):
    """The job that unpacks an archive ended in another status than Completed, and not for what the archive holds."""


class FeaturesJobFailedError(RetrieverError):
    """The job that computes features ended in another status than Completed."""


class TuningJobFailedError(RetrieverError):
    """The tuning job ended without a best training job."""


class TrainingJobFailedError(RetrieverError):
    """The final training job ended in another status than Completed."""


class ModelRejectedError(RetrieverError):
    """The model is not deployed: its evaluation is below the threshold or proves nothing, or a person said no."""


class ModelNotApprovedError(RetrieverError):
    """The model package was deleted while it waited for approval."""


class EndpointFailedError(RetrieverError):
    """The endpoint is in a status that allows no deployment, or the deployment did not succeed."""


class ShadowRefusedError(RetrieverError):
    """The model did worse than the one that serves, on copies of its requests."""


class EndpointCheckError(RetrieverError):
    """The live endpoint does not answer as the evaluation did."""


class RollbackError(RetrieverError):
    """There is no model to go back to, or it serves already."""


class RetryError(RetrieverError):
    """There is nothing to retry, or not on the same data."""


class AwsError(RetrieverError):
    """An AWS call failed; `code` is AWS's error code and `operation` the API operation."""

    def __init__(self, message: str, code: str = "", operation: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.operation = operation


class AwsNotFoundError(AwsError):
    """The named resource does not exist."""


class AwsInUseError(AwsError):
    """A resource of that name exists already, or is busy."""


class AwsPendingError(AwsError):
    """What the request builds on was made a moment ago and is not known everywhere yet; the state is repeated."""


class AwsConditionError(AwsError):
    """A conditional write found another value than it required."""


class AwsThrottledError(AwsError):
    """AWS still asked to slow down after the last try."""


class AwsDeniedError(AwsError):
    """The role lacks a permission, or its credentials have ended."""


class AwsUnavailableError(AwsError):
    """AWS gave no answer, or a 5xx, until the last try."""


class AwsRequestError(AwsError):
    """AWS refused the request for what it says."""
