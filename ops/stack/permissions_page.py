"""docs/permissions.md: every role of template.yaml with what it may do, to what, on which condition, and why.

python -m ops.stack.permissions_page > docs/permissions.md
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ops.stack.expand_template import expand, read_template

_HEAD = """# Who may do what

Generated from template.yaml by `python -m ops.stack.permissions_page`; a test holds the two together. Each role is
assumed by one service, and only on behalf of this account. After the flow's tests, every action and every resource here
was needed by some request (`tests/flow/test_permissions.py`).
"""

# By the statement's Sid, or by ROLE.Sid where one word means two things.
WHY = {
    "Answer": "tell the waiting state how its job ended; Step Functions knows executions by their machine alone here",
    "ChangeScaling": "scalable target and target-tracking policy of the endpoint; known by service and dimension",
    "CheckRollbackAlarms": "UpdateEndpoint looks the alarms up as its caller; AWS knows no resource for it",
    "Unpack": "start the job that unpacks an archive, with the stack's tag",
    "ListFiles": "what an interrupted job, or the function, has put already",
    "PassUnpackingRole": "hand SageMaker the role of the job that unpacks, that one and to SageMaker alone",
    "ReadArchive": "the archive, and the marker that says it is unpacked",
    "UnpackingRole.ReadArchive": "the archive, through ranges of it",
    "UnpackingRole.Log": "jobs write below /aws/sagemaker",
    "WriteFiles": "an archive's files, and an empty artifact of the job",
    "Compute": "start the job that computes features, with the stack's tag",
    "CreateEndpointConfig": "an execution's endpoint config, with the stack's tag",
    "CreateModelCard": "the card of a registered model, with the stack's tag",
    "KeepModelCard": "what the card says and its status, of the stack's own cards",
    "CreateModel": "an execution's model, with the stack's tag",
    "DeleteFailedEndpoint": "an endpoint that never came up cannot be updated",
    "Arrivals": "what came to the datasets' folders, and the look at it that is sent for later",
    "Deploy": "the stack's endpoint, by name; its config not by tag, since it is used in the second after it was made",
    "EncryptNotification": "SNS uses the topic's key in the name of who publishes",
    "Endpoint": "look at the stack's endpoint; delete one that an ended execution created",
    "InvokeTheStatesFunctions": "each state is a function",
    "Invoke": "ask the endpoint for a prediction",
    "ListCapturedAnswers": "the answers of one shadow",
    "ReadCapturedAnswers": "what a new model and the serving one answered for the same requests",
    "ReadMetrics": "requests, errors and latency of both",
    "StandbyRole.ReadMetrics": "when the last request came",
    "TakeAwayAndBringBack": "the stack's endpoint, by name, while nobody asks",
    "BringBack": "the stack's endpoint, by name, from the config that served",
    "Wake": "let an endpoint that is away come back",
    "SchedulerRole.Invoke": "retrain schedule and sweeps",
    "InvokeAndSetBack": "golden predictions; a new endpoint that fails them is deleted",
    "JudgeModelPackage": "approve what was deployed, reject what failed or was left, unless a person has said it",
    "KeepImages": "the golden predictions' images, for a model that is checked after its dataset changed",
    "ReadContainerLog": "why a container refused to serve, to say it where the deployment failed",
    "ReadWhatIsHashed": "the SHA-256 of artifact and evaluation, for the statement of where a model came from",
    "WriteProvenance": "that statement",
    "List": "keys below a prefix; without it S3 answers 403 for an object that is not there",
    "ListDatasets": "channels are prefixes, which SageMaker lists",
    "ListStartingWeights": "WeightsS3Uri is a prefix",
    "Log": "the function's own log group",
    "StateMachineRole.Log": "log delivery of executions; AWS knows no resources for it",
    "SageMakerRole.Log": "jobs and endpoints write below /aws/sagemaker",
    "ListUploads": "whether an upload into a dataset's folder has not ended",
    "LogInToRegistry": "a registry's token; AWS knows no resource for it",
    "Measure": "jobs' and endpoints' metrics, in their namespaces",
    "Notify": "the outcome, or what starts nothing, to whoever subscribed",
    "PassSageMakerRole": "hand SageMaker its execution role, that one and to SageMaker alone",
    "PullTrainingImage": "the two images that the stack names",
    "ReadAlarms": "Application Auto Scaling looks its alarms up with the caller's permissions; no resource known",
    "LookForArtifact": "whether the artifact of the model that serves is there for the training job to score",
    "ReadApproval": "whether a model was approved or rejected",
    "ReadIncumbent": "which model serves, to refuse another dataset before anything is paid",
    "ReadRun": "which run put that model there, on which dataset",
    "ReadClasses": "the classes of that model, which a new one must have too",
    "ReadShadow": "which model serves where another is its shadow",
    "ReadChampion": "which model serves, for the new one to be compared with",
    "ReadDataset": "the dataset, and what an archive was unpacked to",
    "ReadDatasets": "sizes and hashes of an upload, to tell a repeated one",
    "ReadSummary": "what the examination of the pictures found, for the execution's record",
    "ReadDatasetsAndModels": "channels, features, checkpoints and artifacts",
    "ReadEndpoint": "whether the model of an earlier execution serves",
    "ReadEndpointConfig": "instance type and variants; reading is not bound by tag, since what is not there bears none",
    "ReadEvaluationAndImages": "the golden predictions and their images",
    "ReadExecution": "whether an execution still runs",
    "ReadFailedTrainingJob": "why a tuning job's training jobs failed",
    "ReadImages": "images that an s3_uri names, below PredictPrefix",
    "ReadImagesOfAllowedBuckets": "images that an s3_uri names in AllowedBuckets",
    "ReadJob": "the job of a retried state, by name; what is not there bears no tag, so reading is not bound by it",
    "ReadJobs": "how a tuning job ended",
    "ReadManifests": "manifests, and features that are there already",
    "ReadModel": "whether a model is there; reading is not bound by tag, since what is not there bears none",
    "ReadModelPackage": "whether a model may be deployed again, or was registered by an earlier run",
    "ReadPicturesRecord": "what each picture was when the run began, to notice one that was replaced",
    "ReadResults": "results of an execution whose model is deployed again, and whether its artifact is there",
    "ReadScaling": "what to restore after an update; AWS knows no resource for it",
    "ReadStartingWeights": "Weights=channel",
    "ReadTraining": "whether a training job is there to stop, and what it has cost",
    "ReadTrainingJobs": "how a training job ended",
    "ReadTrainingOutput": "metrics and artifact of the run, and of the one that serves",
    "ReadTrainingSource": "the packaged source, that object alone",
    "ReadTuning": "whether a tuning job is there to stop, and what its training jobs have cost",
    "ReadTrials": "the best values of a training job of all trials",
    "Register": "a model package in the stack's group",
    "RemoveUnusedConfigs": "configs that no endpoint needs, of this stack alone",
    "RemoveUnusedModels": "models that no endpoint needs, of this stack alone",
    "ScaleTheEndpoint": "registering a target asks for it, on the stack's endpoint",
    "SendToDeadLetters": "events that could not be handled",
    "ServiceRoleOfAutoscaling": "the service-linked role, made once in an account",
    "SetBack": "the config that served before",
    "SetBackAnUncheckedModel": "the config that served before an execution was stopped",
    "Start": "the pipeline",
    "StopTraining": "jobs of an ended execution, of this stack alone",
    "StopTuning": "jobs of an ended execution, of this stack alone",
    "Table": "runs, locks and task tokens",
    "TagReadAndMakeRoom": "the stack's endpoint, by name; one that serves nothing is deleted to make room",
    "TakeScalingAway": "an instance type changes only while nothing scales the endpoint",
    "TargetTrackingAlarms": "the alarms of the endpoint's policy, which are put with the caller's permissions",
    "Trace": "X-Ray; AWS knows no resources for it",
    "Train": "start the final training job, with the stack's tag",
    "Tune": "start the tuning job, with the stack's tag",
    "TuneInOneJob": "or the training job of all trials, with the stack's tag",
    "WatchRollbackAlarms": "while an update bakes, SageMaker reads the rollback alarms as the model's role",
    "WriteEvaluation": "the gate's judgement",
    "WriteManifests": "manifests and class names",
    "WriteOutputs": "artifacts, features, checkpoints, and answers captured beside a shadow",
    "WriteSummary": "the run's summary",
}


def statements(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the logical id of each role with each of its statements; of an If, the one that allows something."""
    for role, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            (policy,) = resource["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]:
                yield role, statement["Fn::If"][1] if "Fn::If" in statement else statement


def why(role: str, sid: str) -> str:
    """Return what a statement is there for."""
    return WHY.get(f"{role}.{sid}") or WHY[sid]


def page(template: Mapping[str, Any]) -> str:
    """Return the page in Markdown."""
    rows: dict[str, list[str]] = {}
    for role, statement in statements(template):
        actions = ", ".join(f"`{action}`" for action in _listed(statement["Action"]))
        resources = "<br>".join(f"`{_told(one)}`" for one in _resources(statement["Resource"]))
        condition = "; ".join(_conditions(statement.get("Condition", {})))
        cells = (statement["Sid"], actions, resources, condition, why(role, statement["Sid"]))
        rows.setdefault(role, []).append(f"| {' | '.join(cells)} |")
    parts = [_HEAD]
    for role, lines in rows.items():
        (trust,) = template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        given = "; ".join(_conditions(trust["Condition"]))
        parts.append(f"## {role}\n\nAssumed by `{trust['Principal']['Service']}` if {given}.\n")
        parts.append("| statement | may | of | if | why |\n|---|---|---|---|---|\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _resources(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _conditions(conditions: Mapping[str, Any]) -> Iterator[str]:
    for operator, keys in conditions.items():
        for key, value in keys.items():
            values = ", ".join(f"`{_told(one)}`" for one in _resources(value))
            yield f"`{key}` {operator} {values}"


def _told(value: Any) -> str:
    """Return an intrinsic function as a person reads it."""
    if isinstance(value, str):
        return re.sub(r"\$\{(?:AWS::)?(\w+)(?:\.\w+)?\}", lambda match: match[1], value)
    if "Ref" in value:
        return str(value["Ref"]).removeprefix("AWS::")
    if "Fn::GetAtt" in value:
        return str(value["Fn::GetAtt"][0])
    if "Fn::Sub" in value:
        template, *_ = _listed(value["Fn::Sub"])
        return _told(template)
    if "Fn::If" in value:
        return _told(value["Fn::If"][1])
    return _told(value["Fn::Split"][1]) if "Fn::Split" in value else json.dumps(value)


def main() -> None:
    """Print the page."""
    sys.stdout.write(page(expand(read_template())))


if __name__ == "__main__":
    main()
