"""The failures whose one sentence reaches the owner of a training job."""


class TrainingError(ValueError):
    """A training job cannot go on for a reason its owner can mend; the message is one sentence naming the remedy."""


class ConfigError(TrainingError):
    """A hyperparameter or folder is unknown, missing or out of range."""


class DatasetError(TrainingError):
    """The images cannot be trained on as they are."""


class WeightsError(TrainingError):
    """The starting weights cannot be had or do not fit the model."""


class PeerError(TrainingError):
    """Another process of this training failed, was killed or did not answer, so this one ends too."""


class FeaturesError(TrainingError):
    """Features computed earlier are damaged, or are those of another backbone, dataset or setting."""


class StoppedError(BaseException):
    """The job was told to stop (SIGTERM). Raised anywhere in the main thread, so no `except Exception` may keep it."""
