"""What passes between states: PascalCase JSON at the boundary, snake_case in Python, converted only here."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from handlers.contract.errors import InputError
from handlers.contract.inputs import problems
from handlers.contract.scores import Calibration, ChampionScores, ClassScore, GroupScore

# What a state may wait for; "trials" are all those of a search in one training job, "tuning" is a tuning job.
JobKind = Literal["unpacking", "features", "tuning", "trials", "training", "approval", "shadow", "endpoint"]


class Boundary(BaseModel):
    """A JSON object of the state machine; unknown fields are ignored, missing ones are named."""

    model_config = ConfigDict(alias_generator=to_pascal, populate_by_name=True, frozen=True)

    @classmethod
    def from_event(cls, event: Any) -> Self:
        """Return the input of a state.

        Raises:
            InputError: a part of it is missing, or is not what it should be, as in an execution started by hand.
        """
        try:
            return cls.model_validate(event)
        except ValidationError as error:
            raise InputError(
                f"input of {cls.__name__.removesuffix('Input')}: {problems(error)}; start executions with `deploy.py "
                "start DATASET` or by an upload, which give what is needed"
            ) from error

    def to_event(self) -> dict[str, Any]:
        """Return the object as the state machine carries it."""
        return self.model_dump(mode="json", by_alias=True)


class DatasetRequest(Boundary):
    """The dataset an execution is started for; `s3_uri` ends in "/" for a folder, else it is an archive."""

    name: str
    s3_uri: str
    fingerprint: str


class Dataset(Boundary):
    """ValidateDataset's result; `s3_uri` is the folder that is used, which is a staged one for an archive."""

    name: str
    s3_uri: str
    fingerprint: str
    classes_s3_uri: str
    train_manifest_s3_uri: str
    validation_manifest_s3_uri: str
    test_manifest_s3_uri: str
    report_s3_uri: str
    labels_s3_uri: str = ""  # path -> class, where the folders do not say it
    pictures_s3_uri: str = ""  # what each picture was when the run began; "" in runs of older versions
    pictures_sha256: str = ""  # of that record
    num_classes: int
    num_train: int
    num_validation: int
    num_test: int
    num_bytes: int = 0  # of the pictures; 0 in runs of older versions
    num_unusable: int = 0  # pictures that are empty or too large; a job adds those that cannot be decoded
    made_splits: str = ""  # those of "validation,test" that were taken from train
    replaces: str = ""  # the dataset whose model serves, where that is another one and ReplaceDataset lets it go


class Unpacking(Boundary):
    """UnpackArchive's result: the job that has unpacked the archive, "" where the function did or had done so."""

    training_job_name: str = ""


class Features(Boundary):
    """Where the examination of the images is, and a frozen backbone's features; a prefix ending in "/"."""

    features_s3_uri: str = ""
    key: str = ""
    reused: bool = False
    found_in: str = ""  # the execution that paid for it, where this one did not


class Tuning(Boundary):
    """The result of a tuning job, or of the training job of all trials; `hyper_parameters` are the tuned ones only."""

    tuning_job_name: str
    tuning_job_arn: str
    best_training_job_name: str
    best_objective: float
    hyper_parameters: dict[str, str]
    num_training_jobs: int
    found_in: str = ""  # the execution that paid for it, where this one did not


class Training(Boundary):
    """The final training job's result; `output_s3_uri` is its output.tar.gz."""

    training_job_name: str
    training_job_arn: str
    model_data_url: str
    output_s3_uri: str
    billable_seconds: int
    found_in: str = ""  # the execution that paid for it, where this one did not


class Evaluation(Boundary):
    """The gate's result: the test accuracy and the threshold it reached, both 0..1."""

    accuracy: float
    threshold: float
    num_test_images: int
    evaluation_s3_uri: str
    evidence: str = ""  # what the gate decided by, beside the threshold, in words
    broke_down_in_epoch: int = 0  # where training ended early, since the loss was no number any more; 0: nowhere
    served_by: str = ""  # the engine and precision that answer, and why not int8 where it is not


class RegisteredModel(Boundary):
    """A version of the model package group; `image_uri` is the image it was registered with, "" for that of now."""

    model_package_arn: str
    image_uri: str = ""
    approval_seconds: int = 0  # how long the run waits for a person's approval at most; 0: the gate's is enough
    model_card: str = ""  # its name, or why there is none, in words; "" where an earlier run has made it


class Approval(Boundary):
    """What a person said of the model, and who that was, in words."""

    words: str


class Endpoint(Boundary):
    """The deployment's result; `previous_endpoint_config_name` is empty when the endpoint is new."""

    endpoint_name: str
    endpoint_arn: str
    endpoint_config_name: str
    previous_endpoint_config_name: str
    variant_name: str


class Shadow(Boundary):
    """DeployShadow's result: since when, and for how long, a model gets copies of what another one answers.

    `captured_s3_uri` is where both variants' answers are kept, `previous_endpoint_config_name` what served before.
    """

    endpoint_name: str
    endpoint_config_name: str
    previous_endpoint_config_name: str
    captured_s3_uri: str
    since: int  # Unix time
    wait_seconds: int


class NoShadow(Boundary):
    """DeployShadow's result where there is no shadow: the reason."""

    reason: str


class Verdict(Boundary):
    """JudgeShadow's result; rates are 0..1, and of requests that both have answered."""

    num_copies: int
    num_compared: int
    num_agreeing: int
    latency_ratio: float
    words: str


class Check(Boundary):
    num_images: int
    num_agreeing: int
    max_probability_difference: float


class Scaling(Boundary):
    resource_id: str
    policy_name: str
    min_capacity: int
    max_capacity: int
    target_value: float
    words: str = ""
    origin: str = ""  # of the target: when and on what it was measured


class UnpackArchiveInput(Boundary):
    execution_name: str
    task_token: str
    dataset: DatasetRequest


class ValidateDatasetInput(Boundary):
    execution_name: str
    dataset: DatasetRequest


class ComputeFeaturesInput(Boundary):
    execution_name: str
    task_token: str
    dataset: Dataset


class StartTuningJobInput(Boundary):
    execution_name: str
    task_token: str
    dataset: Dataset
    features: Features


class StartTrainingJobInput(Boundary):
    execution_name: str
    task_token: str
    dataset: Dataset
    features: Features
    tuning: Tuning


class EvaluateModelInput(Boundary):
    execution_name: str
    dataset: Dataset
    training: Training


class RegisterModelInput(Boundary):
    execution_name: str
    dataset: Dataset
    tuning: Tuning
    training: Training
    evaluation: Evaluation


class WaitForApprovalInput(Boundary):
    execution_name: str
    task_token: str
    dataset: Dataset
    evaluation: Evaluation
    model: RegisteredModel


class DeployEndpointInput(Boundary):
    execution_name: str
    task_token: str
    dataset: Dataset
    training: Training
    model: RegisteredModel


class JudgeShadowInput(Boundary):
    execution_name: str
    shadow: Shadow


class CheckEndpointInput(Boundary):
    execution_name: str
    dataset: Dataset
    evaluation: Evaluation
    endpoint: Endpoint


class RegisterScalingInput(Boundary):
    execution_name: str
    endpoint: Endpoint


class Failure(Boundary):
    """What Catch puts into the state: the error's class name, and its cause, often JSON."""

    error: str = ""
    cause: str = ""


class ReportOutcomeInput(Boundary):
    """The whole state at the end; which results are in it tells how far the execution came."""

    execution_name: str
    status: Literal["SUCCEEDED", "FAILED"]
    state: dict[str, Any]


MAX_GOLDEN = 64  # training/train.py writes 8


class GoldenPrediction(BaseModel):
    """One prediction that evaluation made and the live endpoint must repeat; `path` is the manifest's entry."""

    model_config = ConfigDict(strict=True)

    path: str
    class_name: str
    probability: float = Field(ge=0, le=1, allow_inf_nan=False)


class ServedBy(BaseModel):
    """How the model is served, and why so: an engine and its precision."""

    model_config = ConfigDict(strict=True)

    engine: str
    precision: str
    reason: str

    @property
    def words(self) -> str:
        """Return it in one line, short enough for the state."""
        return f"{self.precision} by {self.engine}: {self.reason}"[:400]


class JobEvaluation(BaseModel):
    """What the gate reads of the training job's evaluation.json; strict, so that a number in quotes is refused."""

    model_config = ConfigDict(strict=True)

    training_job_name: str
    dataset_fingerprint: str
    num_test_images: int
    test_top1: float = Field(allow_inf_nan=False)
    broke_down_in_epoch: int | None = None
    per_class: list[ClassScore] | None = None
    macro_f1: float | None = Field(default=None, ge=0, le=1)
    calibration: Calibration | None = None
    groups: list[GroupScore] | None = None
    champion: ChampionScores | None = None
    serving: ServedBy | None = None
    golden: list[GoldenPrediction] = Field(default=[], max_length=MAX_GOLDEN, fail_fast=True)
