"""What the embedded account carries out, service by service, and how it differs from AWS; writes docs/services.md.

    python -m embedded_account.documentation            rewrite docs/services.md
    python -m embedded_account.documentation --check    exit with 1 if it is not what the code says

The operations come from the code; what differs is told here.
"""

import argparse
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from embedded_account.documented_differences import DIFFERENCES
from embedded_account.iam.actions import TABLE

FILE = Path(__file__).resolve().parents[2] / "docs" / "services.md"

# Operations of S3 that moto answers by methods of other names.
_S3_BY_OTHER_NAMES = frozenset(
    [
        "CompleteMultipartUpload",
        "CreateBucket",
        "CreateMultipartUpload",
        "DeleteObjects",
        "GetBucketLifecycleConfiguration",
        "GetBucketNotificationConfiguration",
        "GetBucketTagging",
        "GetObjectRetention",
        "ListBuckets",
        "PutBucketAccelerateConfiguration",
        "PutBucketAcl",
        "PutBucketCors",
        "PutBucketEncryption",
        "PutBucketInventoryConfiguration",
        "PutBucketLifecycleConfiguration",
        "PutBucketLogging",
        "PutBucketNotificationConfiguration",
        "PutBucketOwnershipControls",
        "PutBucketPolicy",
        "PutBucketReplication",
        "PutBucketTagging",
        "PutBucketVersioning",
        "PutBucketWebsite",
        "PutObjectLockConfiguration",
        "PutPublicAccessBlock",
        "RestoreObject",
        "SelectObjectContent",
    ]
)
# service (boto3's name): (what is real, what differs from AWS)
NOTES: dict[str, tuple[str, str]] = {
    "lambda": (
        "Each execution environment is a child process on AWS's own runtime client; cold and warm starts, versions, "
        "aliases, layers, reserved and provisioned concurrency with spill-over and their metrics, time-outs, "
        "asynchronous retries, dead-letter queues and destinations, recursive loops ended after 16 invocations, "
        "START/END/REPORT log lines, Function URLs with payload format 2.0, event source mappings from SQS "
        "with batching windows, partial batch responses and maximum concurrency.",
        "No sandbox: a function runs as the user, with the machine's memory and cores whatever its memory size. "
        "On Linux an environment is a fork of a process that has imported boto3 and the layers, so it starts sooner "
        "than on AWS, and a layer's module is imported without the function's variables. "
        "The runtimes python3.9 to python3.14, all on the account's own Python; what an older runtime cannot read is "
        "refused. "
        "A Function URL is http://127.0.0.1 with a port of its own. One of AuthType NONE that the function's policy "
        "opens can be called by every program of the machine, and by every page that its browser shows. Response "
        "streaming is refused. "
        "Event source mappings poll SQS alone and have no filters; one poller a mapping gathers fuller batches than "
        "AWS's. Loops through queues, topics and buckets are counted as direct ones. A function's own key is kept and "
        "not looked up; a FIFO queue is taken for dead letters; actions in a function's policy are not looked up.",
    ),
    "sagemaker": (
        "Training jobs run AWS's own training toolkit, each with its own folder at /opt/ml: channels from S3 (prefixes "
        "and manifests), metrics by regex, artifacts (archives or plain files), FailureReason, stop, MaxRuntime, spot "
        "interruptions with checkpoints in S3, retries, warm pools, system metrics of profiled jobs in S3, several "
        "instances over torchrun. Tuning jobs choose with Optuna over real training jobs, with early stopping and "
        "warm start. Endpoints are one process an instance on AWS's own inference toolkit, with blue/green and "
        "rolling updates, alarm rollback and data capture.",
        "No containers: the image URI must name a PyTorch training or inference image, and the packages are those of "
        "this machine. /opt/ml is a container's own on Linux, where the kernel lets a process mount (root, or user "
        "namespaces); elsewhere SM_MODEL_DIR and its like say where it is, and FailureReason tells of a script that "
        "looked at /opt/ml. On Linux a script's process is a fork of one that has imported torch and boto3, unless the "
        "job's own variables are read by Python or torch at their start. Instance types are names only; jobs share the "
        "machine's cores and wait for them. FastFile "
        "channels are copied first. Instances of one job are processes on loopback addresses 127.0.x.y. A spot job is "
        "billed 30 % of its time; AWS's share varies. A CheckpointConfig's LocalPath must lie under /opt/ml. "
        "After TransferLearning the parents' best hyperparameters are tried first; their values are not used. "
        "Debugger rules are taken and reported as Error. Other kinds of job are refused.",
    ),
    "sagemaker-runtime": (
        "InvokeEndpoint reaches the instance's process over HTTP; 424 with the original status, 6 MB and 60 s limits. "
        "Asynchronous requests wait for room and are read from S3 (1 GB, an hour); outputs, failures, topics and "
        "backlog metrics are AWS's.",
        "Throughput is this machine's. An instance's workers are threads of one process with one model; AWS starts "
        "processes. What waits asynchronously is lost with the account. Streaming invocations are refused.",
    ),
    "application-autoscaling": (
        "Target tracking, over the real metrics, and step scaling of endpoint variants and of functions' provisioned "
        "concurrency, with alarms, cooldowns and activities; scheduled actions; instances and environments really "
        "come and go.",
        "Other scalable dimensions are refused.",
    ),
    "cloudwatch": (
        "Metrics with statistics and percentiles, alarms on metrics, metric maths and anomaly bands that are evaluated "
        "and act, dashboards that are kept.",
        "Metric maths is arithmetic, comparisons, SUM, AVG, MIN, MAX, ABS, FILL, IF and METRICS. A band is learnt from "
        "two days, by a model of our own, since CloudWatch's is not published. Composite alarms are refused. Metrics "
        "are kept in memory, unless there is a state folder. What an alarm's actions name is not looked up.",
    ),
    "cloudformation": (
        "Change sets, creation in dependency order, updates, replacement, rollback with the old values, deletion "
        "policies; SAM is expanded by AWS's own translator.",
        "The resource types that it knows and their properties; a change set with any other fails with its name. "
        "No nested stacks, imports of resources, stack sets or drift.",
    ),
    "stepfunctions": (
        "moto's interpreter runs standard state machines: tasks act as the machine's role; waits, retries, catches, "
        "time-outs, task tokens and heartbeats on the account's clock; history, status events, CloudWatch logging.",
        "`.sync` of others than executions and SageMaker's training, tuning and transform jobs, activities, express "
        "machines, distributed maps and versions are not carried out.",
    ),
    "events": (
        "Rules match and deliver to Lambda, Step Functions, SQS, SNS and Logs, with input transformers, retries and "
        "dead-letter queues; scheduled rules fire.",
        "The default bus only; archives, pipes, API destinations and other targets are refused. A FIFO queue is taken "
        "for dead letters.",
    ),
    "service-quotas": (
        "Quotas of SageMaker and Lambda, of a settled or a new account (`start --account new`); training, tuning, "
        "endpoints and reserved concurrency are held to them. What is asked for is granted after half an hour.",
        "Codes other than those of Lambda's concurrency and of the totals are made up. A new account's numbers "
        "are AWS's choice and differ.",
    ),
    "scheduler": (
        "rate, at and six-field cron expressions with time zones really fire, with retries and dead-letter queues.",
        "A flexible time window fires at its beginning.",
    ),
    "s3": (
        "moto's buckets and objects; one event for each object created or deleted, with growing sequencers; browsers' "
        "uploads by POST, whose policy is held to.",
        "Objects from 1 MB on are files, smaller ones live in memory. What a lifecycle rule moves has "
        "no event. Nobody reads or writes unsigned, whatever a bucket allows.",
    ),
    "iam": (
        "Every request is authenticated by its signature and decided on by the "
        "policies of caller and resource: identity policies, bucket, queue, topic, key and function policies, "
        "AWS's managed policies, boundaries, session policies, conditions, iam:PassRole. A body that S3 gets must have "
        "the hash, the chunk signatures and "
        "the trailing checksum that its request states. Functions, jobs, endpoints, state machines, rules and "
        "schedules act with their own role, whose trust policy is looked at. Root, whose key `status` "
        "prints, is bound by a resource's denials and by keys' policies alone.",
        "Policies of organisations, other "
        "accounts, identity providers and the keys of other services are not known. What a bucket itself tells queues "
        "and topics is not decided on. aws:TokenIssueTime and the aws:CalledVia keys have no value, nor have the tags "
        "of buckets. Of streamed uploads, checksums other than CRC32, SHA-1 and SHA-256 are taken as they are. Each "
        "operation's needs are in `embedded_account/iam/actions`; one that is missing there is refused by name. A "
        "change of a policy counts at once.",
    ),
    "logs": (
        "Groups, streams and events; filter patterns of terms and of JSON; metric filters and the embedded metric "
        "format make metrics.",
        "Space-delimited filter patterns are refused. Actions in its policies are not looked up. Kept in memory, "
        "unless there is a state folder.",
    ),
    "dynamodb": (
        "moto's tables, conditions included; items go within an hour of their time to live, on the account's clock.",
        "Point-in-time recovery is kept and not acted on.",
    ),
    "sqs": (
        "moto's queues; who may send to them, and their dead-letter queues, are looked at.",
        "Messages are not encrypted, and a queue's key is not looked up, nor are the actions in its policy.",
    ),
    "sns": (
        "moto's topics; delivery to SQS and Lambda, where their policies allow it. Who publishes to a topic with a key "
        "needs kms:GenerateDataKey and kms:Decrypt of it, by the key's policy too.",
        "No e-mail is sent. Messages are not really encrypted.",
    ),
    "budgets": (
        "Budgets of cost with a fixed limit, and who would be told; names, limits and subscribers are checked.",
        "Nothing is billed, so nothing is ever spent and no notification comes. Planned limits, automatic adjustment, "
        "budgets of usage and actions are refused.",
    ),
    "kms": (
        "Symmetric keys with policies that decide, states, tags, and deletion after a waiting time of the "
        "account's clock.",
        "Keys are used by SNS and S3, which ask whether the caller may use them; nothing is encrypted. "
        "Encrypt, GenerateDataKey and the like are refused, as are aliases, grants and other kinds of key. Rotation is "
        "kept and not acted on.",
    ),
    "pricing": (
        "Products with their prices on demand, by attribute: SageMaker's instances in training and hosting, "
        "Lambda, S3, logs and state transitions.",
        "A small table of us-east-1's prices of 2025 stands for whichever region the account plays; filters other than "
        "TERM_MATCH, and price list files, are refused.",
    ),
    "sts": ("AssumeRole gives a session of a role that trusts the caller.", "AssumeRole and GetCallerIdentity only."),
    "ssm": ("moto's parameters.", ""),
    "resourcegroupstaggingapi": ("moto's tags.", ""),
}

_HEAD = """# The embedded account

<!-- Written by `python -m embedded_account.documentation`; a test holds it to the code. -->

`embedded-account start` runs the AWS services listed here in one process on 127.0.0.1: no AWS account, no Docker, no
network. Every AWS client works with it unchanged; `embedded-account status` prints the variables to export. An
operation that is not listed here fails with `NotImplemented` and its own name, never with a pretended success.

- **One account a folder.** Its files are under `.embedded-account/`, or where `--folder` says; a second start finds the
  first.
- **State is in memory**, unless `--state-folder` names where it is to survive. After a stop without one, deploy again
  (seconds). After a kill, the next start says what was lost and ends what was left running.
- **It has a clock of its own**, which `embedded-account clock --advance` puts forward: schedules, waits and time-outs
  of executions, retries, alarms, cooldowns, visibility time-outs, deployments. Real time remains what your own code
  takes (function time-outs, training, requests), what clients sign, and S3's Last-Modified.
- **It breaks on demand**: `embedded-account fault kinds` lists how.
- **It is late on demand**: `start --delays all`, or `fault add` of a kind `delay-*`, gives it AWS's own delays, on its
  clock: what SageMaker has just made is not found yet, a role that was just made cannot be assumed, a deleted bucket's
  name stays taken, a bucket's first events are lost, functions are Pending or InProgress for a while, instances take
  minutes to start. Without it all of this is immediate.
- **It tells which permissions are needed**: `embedded-account permissions`, of an account started with
  `--record-permissions`.
- **Your code runs as you.** Functions, training scripts and inference code have no sandbox.
- **One region and one account**: 123456789012, us-east-1 unless `--region` says otherwise. A request signed for another
  region is refused; IAM, STS and budgets answer clients of any, and S3 sends them on to a bucket's region.

## Services

| service | what is real | how it differs from AWS |
|---|---|---|
"""

_OPERATIONS_HEAD = """
## Operations

Every operation of these services that AWS's own API models know: carried out as AWS documents it, carried out with a
difference, or not carried out. "As moto carries it out": the state is moto's and so is the answer.

| service | operation | here |
|---|---|---|
"""


_HELD_HEAD = """
## Held to recorded shapes

Of these operations the members of the answers, the codes and texts of errors, the statuses and the headers are compared
with shapes that were read against botocore's models: what product flows are made of.
`tests/conformance/test_corpus.py` says of each scenario that others recorded of AWS which test replays it, or why
none does.

| service | operations | test, in `tests/conformance` |
|---|---|---|
"""


def document() -> str:
    """Return the text of docs/services.md."""
    carried_out = services()
    notes = [f"| {service} | {NOTES[service][0]} | {NOTES[service][1]} |\n" for service in carried_out]
    rows = [row for service, names in carried_out.items() for row in _rows(service, names)]
    return _HEAD + "".join(notes) + _OPERATIONS_HEAD + "".join(rows) + _held()


def _held() -> str:
    """Return which operations' answers are held to AWS's shapes, by the files of the tests; "" where there are none."""
    shapes = FILE.parents[1] / "tests" / "conformance" / "shapes"
    rows = []
    for path in sorted(shapes.glob("*.json")):
        names = sorted({name.partition(" ")[0] for name in json.loads(path.read_text(encoding="utf-8"))})
        rows.append(f"| {path.stem} | {', '.join(names)} | `test_operations.py`, `shapes/{path.name}` |\n")
    return _HELD_HEAD + "".join(rows) if rows else ""


def operations_of(service: str, names: list[str]) -> dict[str, str]:
    """Return how each operation of AWS's model of `service` is carried out; "" where it is not.

    `names` are those of `services()[service]`. What moto knows is refused all the same where nobody's permissions
    for it are known.
    """
    known = _model(service).operation_names
    methods = _moto_methods(service) if not names else set()
    others_of_moto = _S3_BY_OTHER_NAMES if service == "s3" else frozenset()
    permitted = TABLE[service][1] if service in TABLE else known  # S3's needs are read from HTTP
    of_moto = [name for name in known if _snake_case(name) in methods or name in others_of_moto]
    done = names or [name for name in of_moto if name in permitted]
    unknown = sorted(set(DIFFERENCES.get(service, {})) - set(done))
    if unknown:
        raise ValueError(f"differences of {service}: {unknown[0]!r}; it is not among the operations carried out")
    usual = "behaves as AWS" if names else "as moto carries it out"
    carried_out = {name: DIFFERENCES.get(service, {}).get(name, usual) for name in done}
    return dict(sorted((dict.fromkeys(known, "") | carried_out).items()))


def _rows(service: str, names: list[str]) -> list[str]:
    """Return a row for each operation that is carried out, and one for all that are not."""
    told = operations_of(service, names)
    rows = [f"| {service} | {name} | {how} |\n" for name, how in told.items() if how]
    others = [name for name, how in told.items() if not how]
    return rows + ([f"| {service} | {', '.join(others)} | not carried out |\n"] if others else [])


def _model(service: str) -> Any:
    from botocore.model import ServiceModel

    from embedded_account.data_files import aws_loader

    return ServiceModel(aws_loader().load_service_model(service, "service-2"), service)


def _moto_methods(service: str) -> set[str]:
    """Return the methods by which moto answers the operations of a service."""
    from moto.core.responses import BaseResponse

    module = import_module(f"moto.{service}.responses")
    classes = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, BaseResponse)]
    return {name for each in classes if each is not BaseResponse for name in vars(each)}


def _snake_case(name: str) -> str:
    from moto.core.utils import camelcase_to_underscores

    text: str = camelcase_to_underscores(name)
    return text


def services() -> dict[str, list[str]]:
    """Return the operations carried out, by service; an empty list stands for all that moto knows."""
    from embedded_account.account import Account
    from embedded_account.clock import Clock
    from embedded_account.server import build_application
    from embedded_account.wiring.operations import Operations

    with tempfile.TemporaryDirectory() as folder:
        account = Account(Path(folder), "http://127.0.0.1:9", "us-east-1", Clock())
        build_application(account)
        account.stop()
        return account.singleton(Operations).listed()


def main() -> None:
    """Write the file, or compare it."""
    parser = argparse.ArgumentParser(description="Write docs/services.md.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if the file is not current")
    if not parser.parse_args().check:
        FILE.write_text(document())
    elif not FILE.exists() or FILE.read_text() != document():
        sys.exit(f"{FILE.name}: is not what the code says; run: python -m embedded_account.documentation")


if __name__ == "__main__":
    main()
