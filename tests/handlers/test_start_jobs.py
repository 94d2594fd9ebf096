"""handlers/start_tuning_job.py and start_training_job.py: the request, and a token that is there before the job."""

import dataclasses

import pytest

from datasets.layout import Image
from handlers import aws, start_training_job, start_tuning_job
from handlers.contract.errors import AwsError, AwsRequestError, AwsThrottledError, DatasetChangedError, InputError
from handlers.contract.settings import Settings
from handlers.contract.states import StartTrainingJobInput, StartTuningJobInput
from handlers.datasets.fingerprint import dataset_files
from handlers.datasets.pictures import write_record
from handlers.ledger import Features, Token
from handlers.start_training_job import training_job_request
from handlers.start_tuning_job import tuning_job_request
from tests.handlers.environment import ENVIRONMENT, EXECUTION
from tests.handlers.stored import stored

_ARN = "arn:aws:sagemaker:us-east-1:123456789012"
_CASES = {
    "tuning": (start_tuning_job.handler, "start_tuning_job", "CreateHyperParameterTuningJob", "flowers-0123456789-1",
               f"{_ARN}:hyper-parameter-tuning-job/flowers-0123456789-1"),
    "training": (start_training_job.handler, "start_training_job", "CreateTrainingJob", EXECUTION,
                 f"{_ARN}:training-job/{EXECUTION}"),
}  # fmt: skip


@dataclasses.dataclass
class Case:
    """One of the two states, which wait alike."""

    kind: str
    handler: object
    event_name: str
    operation: str
    job_name: str
    resource_arn: str

    def complete(self, sagemaker):
        if self.kind == "tuning":
            sagemaker.complete_tuning_job(self.job_name, lr="0.01", batch_size="32")
        else:
            sagemaker.complete_training_job(self.job_name)


@pytest.fixture(params=["tuning", "training"])
def case(request):
    return Case(request.param, *_CASES[request.param])


def test_tuning_request_keeps_test_and_epochs_away(event, settings):
    """Trials see train and validation for the tuning epochs; the final epochs and the test split are not theirs."""
    request = tuning_job_request(StartTuningJobInput.model_validate(event("start_tuning_job")), settings)

    definition = request["TrainingJobDefinition"]
    assert [channel["ChannelName"] for channel in definition["InputDataConfig"]] == ["train", "validation", "classes"]
    assert definition["StaticHyperParameters"]["epochs"] == "5"
    assert definition["OutputDataConfig"]["S3OutputPath"] == f"s3://retriever-data/runs/{EXECUTION}/tuning"
    assert request["HyperParameterTuningJobConfig"]["RandomSeed"] == 17


def test_pictures_that_changed_stop_the_run_before_tuning(world, event, lambda_context):
    """And the features, which may be of what lay there in between, are never used again."""
    world.put_images("datasets/flowers/", rose=2)
    files = dataset_files("retriever-data", "datasets/flowers/")
    images = [Image(file.path, "rose", "train") for file in files]
    folder = "s3://retriever-data/datasets/flowers/"
    uri, _ = write_record("retriever-data", "runs/a/dataset/", folder, images, files)
    payload = event("start_tuning_job")
    payload["Dataset"]["PicturesS3Uri"], payload["Features"]["Key"] = uri, "ab12"
    Features.note(world.ledger, "ab12", "a-features", "a")
    aws.s3().delete_object(Bucket="retriever-data", Key="datasets/flowers/rose/1.jpg")

    with pytest.raises(DatasetChangedError, match=r"'rose/1.jpg' was replaced or deleted"):
        start_tuning_job.handler(payload, lambda_context)

    assert Features.get(world.ledger, "ab12") is None
    assert not [call for call in world.sagemaker.calls if call[0].startswith("Create")]


def test_training_request_takes_the_best_hyperparameters(event, settings):
    """The tuned values go out as the tuning job reported them, over the static ones."""
    request = training_job_request(StartTrainingJobInput.model_validate(event("start_training_job")), settings)

    values = request["HyperParameters"]
    assert (values["lr"], values["batch_size"], values["epochs"]) == ("0.0031", "32", "20")
    assert values["sagemaker_program"] == '"training/train.py"'
    assert request["OutputDataConfig"]["S3OutputPath"] == f"s3://retriever-data/runs/{EXECUTION}/training"


def test_profile_is_asked_of_the_final_job_alone(event, settings):
    """Twenty profiles of trials would help nobody; without ProfileSteps there is none."""
    asked = dataclasses.replace(settings, profile_steps=20)
    step = StartTrainingJobInput.model_validate(event("start_training_job"))
    tuning = tuning_job_request(StartTuningJobInput.model_validate(event("start_tuning_job")), asked)

    assert training_job_request(step, asked)["HyperParameters"]["profile"] == "20"
    assert "profile" not in training_job_request(step, settings)["HyperParameters"]
    assert "profile" not in tuning["TrainingJobDefinition"]["StaticHyperParameters"]


def test_tuning_jobs_store_no_weights(event, settings):
    """Of a tuning job's training jobs only the best values are used."""
    request = tuning_job_request(StartTuningJobInput.model_validate(event("start_tuning_job")), settings)

    assert request["TrainingJobDefinition"]["StaticHyperParameters"]["save_model"] == "false"


@pytest.mark.parametrize(
    ("strategy", "has_maximum", "has_strategy_config"),
    [("Bayesian", True, False), ("Random", True, False), ("Hyperband", True, True), ("Grid", False, False)],
)
def test_tuning_config_fits_the_strategy(event, strategy, has_maximum, has_strategy_config):
    """Grid counts its own jobs, Hyperband says in which range of epochs it works."""
    settings = Settings.from_env({**ENVIRONMENT, "TUNING_STRATEGY": strategy})

    request = tuning_job_request(StartTuningJobInput.model_validate(event("start_tuning_job")), settings)

    config = request["HyperParameterTuningJobConfig"]
    assert ("MaxNumberOfTrainingJobs" in config["ResourceLimits"]) is has_maximum
    assert ("StrategyConfig" in config) is has_strategy_config


@pytest.mark.parametrize(("strategy", "expected"), [("Bayesian", "Auto"), ("Hyperband", "Off")])
def test_early_stopping_is_left_to_hyperband(event, strategy, expected):
    """SageMaker: TrainingJobEarlyStoppingType must be OFF to use Hyperband, which has its own."""
    settings = Settings.from_env({**ENVIRONMENT, "TUNING_STRATEGY": strategy})

    request = tuning_job_request(StartTuningJobInput.model_validate(event("start_tuning_job")), settings)

    assert request["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] == expected


def test_spot_jobs_are_interruptible_final_keeps_checkpoints(event):
    """Only the final job is long enough to go on from where it was; its checkpoints are its execution's own."""
    settings = Settings.from_env({**ENVIRONMENT, "USE_SPOT": "true"})

    tuning = tuning_job_request(StartTuningJobInput.model_validate(event("start_tuning_job")), settings)
    training = training_job_request(StartTrainingJobInput.model_validate(event("start_training_job")), settings)

    definition = tuning["TrainingJobDefinition"]
    assert definition["EnableManagedSpotTraining"] is training["EnableManagedSpotTraining"] is True
    assert training["CheckpointConfig"] == {"S3Uri": f"s3://retriever-data/checkpoints/{EXECUTION}"}
    assert "CheckpointConfig" not in definition


def test_several_instances_are_started_by_torchrun(event):
    """The hyperparameters are those of the SDK's `distribution={"torch_distributed": {"enabled": True}}`."""
    settings = Settings.from_env({**ENVIRONMENT, "TRAINING_INSTANCE_COUNT": "2"})

    request = training_job_request(StartTrainingJobInput.model_validate(event("start_training_job")), settings)

    assert request["ResourceConfig"]["InstanceCount"] == 2
    assert request["HyperParameters"]["sagemaker_torch_distributed_enabled"] == "true"
    assert request["HyperParameters"]["sagemaker_instance_type"] == '"ml.g4dn.xlarge"'


def test_job_is_created_and_waited_for(world, case, event, lambda_context, sent):
    """The job exists under its name, the token beside it, and nothing is answered yet."""
    case.handler(event(case.event_name), lambda_context)

    token = stored(Token, world.ledger, case.resource_arn)
    assert (token.task_token, token.execution_name) == (event(case.event_name)["TaskToken"], EXECUTION)
    assert token.started is True
    tags = {tag["Key"]: tag["Value"] for tag in world.sagemaker.request(case.operation)["Tags"]}
    assert (tags["retriever:Dataset"], tags["retriever:Stack"]) == ("flowers", "retriever")
    assert sent.answers == []


def test_token_is_there_before_the_job(world, case, event, lambda_context, sent):
    """An event may come before CreateTrainingJob returns."""
    seen = []
    world.sagemaker.before[case.operation] = lambda: seen.append(stored(Token, world.ledger, case.resource_arn))

    case.handler(event(case.event_name), lambda_context)

    assert seen[0].task_token == event(case.event_name)["TaskToken"]


def test_retried_state_meets_its_own_job(world, case, event, lambda_context, sent):
    """The second try pays for no second job; its newer token is the one that counts."""
    case.handler(event(case.event_name), lambda_context)

    case.handler({**event(case.event_name), "TaskToken": "second"}, lambda_context)

    assert stored(Token, world.ledger, case.resource_arn).task_token == "second"
    assert len(world.sagemaker.training_jobs) + len(world.sagemaker.tuning_jobs) == 1
    assert sent.answers == []


def test_retried_state_goes_on_at_once_if_the_job_has_ended(world, case, event, lambda_context, sent):
    """Its event has come and gone with the first token."""
    case.handler(event(case.event_name), lambda_context)
    case.complete(world.sagemaker)

    case.handler({**event(case.event_name), "TaskToken": "second"}, lambda_context)

    operation, params = sent.answers[0]
    assert (operation, params["taskToken"], len(sent.answers)) == ("SendTaskSuccess", "second", 1)
    assert Token.get(world.ledger, case.resource_arn) is None


@pytest.mark.parametrize(
    ("code", "expected"), [("ValidationException", AwsRequestError), ("ThrottlingException", AwsThrottledError)]
)
def test_refused_job_leaves_no_token(world, case, event, lambda_context, sent, code, expected):
    """The state fails with AWS's own words, and the sweep finds nothing to wait for."""
    world.sagemaker.faults[case.operation] = code

    with pytest.raises(expected, match=f"{case.operation}: {code}"):
        case.handler(event(case.event_name), lambda_context)
    assert Token.get(world.ledger, case.resource_arn) is None


def test_missing_field_is_named_before_any_call(world, case, event, lambda_context):
    """A broken state machine is no reason to pay for a job."""
    broken = event(case.event_name)
    del broken["TaskToken"]

    with pytest.raises(InputError, match="TaskToken is missing"):
        case.handler(broken, lambda_context)
    assert world.sagemaker.calls == []


def test_wrong_setting_is_named_before_any_call(world, case, event, lambda_context, monkeypatch):
    """The variable's name is in the state's failure."""
    monkeypatch.setenv("EPOCHS", "many")

    with pytest.raises(Exception, match="EPOCHS: 'many'; expected a whole number"):
        case.handler(event(case.event_name), lambda_context)
    assert world.sagemaker.calls == []


def test_aws_errors_are_one_family():
    """Retry and Catch may name the base."""
    assert issubclass(AwsThrottledError, AwsError)
