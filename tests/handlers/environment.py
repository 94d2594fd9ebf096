"""What handlers' tests take for granted: names, the environment of template.yaml, and a Lambda context."""

import dataclasses
from pathlib import Path

from handlers import aws

EVENTS = Path(__file__).parent.parent / "events"
HANDLERS = Path(aws.__file__).parent.parent
ACCOUNT = "123456789012"
REGION = "us-east-1"
BUCKET = "retriever-data"
EXECUTION = "flowers-0123456789ab-1"

ENVIRONMENT = {
    "BUCKET_NAME": BUCKET,
    "TABLE_NAME": "retriever-table",
    "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:retriever-pipeline",
    "ENDPOINT_NAME": "retriever",
    "TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:retriever-topic",
    "STACK_NAME": "retriever",
    "MODEL_PACKAGE_GROUP_NAME": "retriever",
    "SAGEMAKER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/retriever-sagemaker",
    "UNPACKING_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/retriever-unpacking",
    "TRAINING_IMAGE_URI": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/pytorch-training:2.8-cpu",
    "INFERENCE_IMAGE_URI": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/pytorch-inference:2.6-cpu",
    "TRAINING_SOURCE_S3_URI": "s3://retriever-artifacts/0a1b/sourcedir.tar.gz",
    "MODEL_NAME": "resnet18",
    "WEIGHTS": "imagenet",
    "WEIGHTS_S3_URI": "",
    "TRAINABLE": "head",
    "FEATURE_VIEWS": "3",
    "PROFILE_STEPS": "0",
    "IMAGE_SIZE": "224",
    "EPOCHS": "20",
    "TUNING_EPOCHS": "5",
    "AUGMENT": "basic",
    "PATIENCE": "5",
    "SEED": "17",
    "CLASS_BALANCE": "none",
    "MIXUP": "0",
    "CUTMIX": "0",
    "RANDAUGMENT": "0",
    "EMA_DECAY": "0",
    "PROGRESSIVE_RESIZE": "1",
    "ACCUMULATE": "1",
    "VALIDATION_FRACTION": "0.2",
    "MIN_IMAGES_PER_CLASS": "2",
    "GROUP_BY": "",
    "UNPACK_FUNCTION_MB": "2000",
    "MAX_UNREADABLE": "0.5",
    "SETTLE_SECONDS": "300",
    "ARRIVAL_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/retriever-arrivals",
    "PREDICT_PREFIX": "inbox/new/",
    "ENDPOINT_KIND": "instance",
    "STOP_WHEN_IDLE_MINUTES": "60",
    "SERVERLESS_MEMORY_MB": "3072",
    "SERVERLESS_MAX_CONCURRENCY": "5",
    "TUNING_INSTANCE_TYPE": "ml.g4dn.xlarge",
    "TRAINING_INSTANCE_TYPE": "ml.g4dn.xlarge",
    "FEATURES_INSTANCE_COUNT": "1",
    "TRAINING_INSTANCE_COUNT": "1",
    "MAX_TUNING_JOBS": "4",
    "MAX_PARALLEL_TUNING_JOBS": "2",
    "TUNING_STRATEGY": "Bayesian",
    "TUNING_EARLY_STOPPING": "Auto",
    "TUNING_MODE": "auto",
    "WARM_POOL_SECONDS": "300",
    "TUNING_WARM_START": "Auto",
    "TUNING_MAX_RUNTIME_SECONDS": "3600",
    "TRAINING_MAX_RUNTIME_SECONDS": "7200",
    "USE_SPOT": "false",
    "SPOT_MAX_WAIT_SECONDS": "82800",
    "ACCURACY_THRESHOLD": "0.9",
    "REPLACE_DATASET": "",
    "SCALING_MEASUREMENT": "",
    "APPROVAL_REQUIRED": "false",
    "APPROVAL_TIMEOUT_HOURS": "72",
    "MIN_CLASS_RECALL": "0.3",
    "CRITICAL_CLASSES": "",
    "MIN_MACRO_F1": "0",
    "MAX_CALIBRATION_ERROR": "1",
    "MIN_GROUP_ACCURACY": "0",
    "CHAMPION_MARGIN": "0.02",
    "CHAMPION_CLASS_MARGIN": "0.05",
    "WHEN_UNDECIDED": "measured",
    "ALLOW_REMOVED_CLASSES": "false",
    "ENDPOINT_INSTANCE_TYPE": "ml.m5.large",
    "ENDPOINT_INSTANCE_COUNT": "1",
    "SCALING_MIN_INSTANCES": "1",
    "SCALING_MAX_INSTANCES": "4",
    "SCALING_TARGET_INVOCATIONS": "600",
    "SCALE_IN_COOLDOWN_SECONDS": "300",
    "SCALE_OUT_COOLDOWN_SECONDS": "60",
    "CANARY_PERCENT": "10",
    "CANARY_WAIT_SECONDS": "300",
    "TERMINATION_WAIT_SECONDS": "120",
    "KEEP_DEPLOYMENTS": "3",
    "SHADOW_PERCENT": "25",
    "SHADOW_SECONDS": "300",
    "SHADOW_MIN_AGREEMENT": "0.8",
    "SHADOW_MAX_LATENCY_RATIO": "2",
    "ROLLBACK_ALARM_NAMES": "retriever-5xx,retriever-latency",
    "RETRAIN_WHEN": "changed",
    "MAX_RUN_DOLLARS": "0",
    "INSTANCE_PRICES": "ml.g4dn.xlarge=0.736,ml.m5.xlarge=0.23",
    "LOG_LEVEL": "INFO",
    "POWERTOOLS_SERVICE_NAME": "retriever",
    "POWERTOOLS_METRICS_NAMESPACE": "Retriever",
}


@dataclasses.dataclass
class Context:
    """What the Lambda runtime passes beside the event."""

    function_name: str = "retriever-function"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:retriever-function"
    aws_request_id: str = "6bc28136-xmpl-4365-b021-0ce6b2e64ab0"
    remaining_ms: int = 900_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms
