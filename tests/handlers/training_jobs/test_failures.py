"""handlers/training_jobs/failures.py: SageMaker's reasons become one sentence each."""

import json

import pytest

from handlers.training_jobs import failures

# As SageMaker reports a script of the PyTorch container that raised; the traceback is inside ErrorMessage.
_TOOLKIT_REASON = (
    'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback (most recent call last):\n'
    '  File "/opt/ml/code/training/train.py", line 12, in <module>\n    main()\n'
    "training.errors.DataError: image 'rose/1.jpg' cannot be read; remove it\"\n"
    'Command "/opt/conda/bin/python3 training/train.py --epochs 3", exit code: 1'
)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (_TOOLKIT_REASON, "training.errors.DataError: image 'rose/1.jpg' cannot be read; remove it"),
        ('AlgorithmError: ExitCode 1\nErrorMessage "boom"', "boom"),
        (
            "CapacityError: Unable to provision requested ML compute capacity.",
            "CapacityError: Unable to provision requested ML compute capacity",
        ),
        (
            "InternalServerError: We encountered\nan internal error.",
            "InternalServerError: We encountered an internal error",
        ),
        ("", "no reason was given"),
        ('AlgorithmError: ErrorMessage ""', 'ErrorMessage ""'),
        (
            "AlgorithmError: 2 of 3 images cannot be read; remove them, exit code: 1",
            "2 of 3 images cannot be read; remove them",
        ),
    ],
)
def test_real_message_is_what_the_script_said(reason, expected):
    """The last line of the traceback, without the toolkit's envelope."""
    assert failures.real_message(reason) == expected


def test_long_messages_are_cut():
    """A sentence stays one that a person reads."""
    assert len(failures.real_message("x" * 5000)) == 700


def test_failed_training_job_is_one_sentence():
    """What, its message, the log, the next step."""
    job = {"TrainingJobName": "flowers-1", "TrainingJobStatus": "Failed", "FailureReason": _TOOLKIT_REASON}

    assert failures.training_job_sentence(job, failures.Limits()) == (
        "training job 'flowers-1' ended Failed: training.errors.DataError: image 'rose/1.jpg' cannot be read; remove it"
        "; see log group /aws/sagemaker/TrainingJobs, streams flowers-1/, correct the cause and upload again"
    )


def test_training_job_over_its_limit_names_the_limit():
    """MaxRuntimeExceeded is no failure of the script."""
    job = {
        "TrainingJobName": "a",
        "TrainingJobStatus": "Stopped",
        "SecondaryStatus": "MaxRuntimeExceeded",
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }

    sentence = failures.training_job_sentence(job, failures.Limits())

    assert "was stopped after its limit of 60 s; raise the parameter TrainingMaxRuntimeSeconds" in sentence


def test_training_job_stopped_by_hand_says_so():
    """Somebody pressed stop."""
    job = {"TrainingJobName": "a", "TrainingJobStatus": "Stopped"}
    sentence = failures.training_job_sentence(job, failures.Limits())

    assert "'a' was stopped by someone; start the execution again" in sentence


def test_failed_tuning_job_names_a_trial_and_its_reason():
    """'All training jobs failed' says nothing; the trial does."""
    job = {"HyperParameterTuningJobName": "a", "HyperParameterTuningJobStatus": "Failed"}
    trial = {"TrainingJobName": "a-001", "FailureReason": _TOOLKIT_REASON}

    sentence = failures.tuning_job_sentence(job, trial)

    assert "'a-001' failed with training.errors.DataError: image" in sentence
    assert "streams a-001/" in sentence


@pytest.mark.parametrize(
    ("status", "expected"),
    [("Stopped", "was stopped by someone"), ("Completed", "ended Completed without a best training job: no reason")],
)
def test_tuning_job_without_failed_trial(status, expected):
    """Stopped, or completed without one good trial."""
    job = {"HyperParameterTuningJobName": "a", "HyperParameterTuningJobStatus": status}

    assert expected in failures.tuning_job_sentence(job, None)


@pytest.mark.parametrize(
    ("status", "config", "expected"),
    [
        (
            "InService",
            "old",
            "endpoint 'e' was rolled back to 'old' while 'new' was deployed: alarm tripped; the old model",
        ),
        ("Failed", "new", "endpoint 'e' is Failed with 'new': alarm tripped; see log group /aws/sagemaker/Endpoints/e"),
    ],
)
def test_failed_deployment_is_one_sentence(status, config, expected):
    """Rolled back, or never up."""
    endpoint = {"EndpointName": "e", "EndpointStatus": status, "EndpointConfigName": config}

    assert expected in failures.endpoint_sentence({**endpoint, "FailureReason": "alarm tripped."}, "new")


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (
            json.dumps({"errorMessage": "class 'röse' has\n1 image", "errorType": "DatasetError"}),
            "class 'röse' has 1 image",
        ),
        ("training job 'a' ended Failed", "training job 'a' ended Failed"),
        ('{"errorMessage": "cut o', '{"errorMessage": "cut o'),
        ("[1]", "[1]"),
        ('{"errorMessage": null}', '{"errorMessage": null}'),
        ("", ""),
    ],
)
def test_lambda_message_is_the_errors_own(cause, expected):
    """A Lambda's error arrives as JSON, a token's as a sentence."""
    assert failures.lambda_message(cause) == expected
