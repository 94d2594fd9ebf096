"""Which state's result a setting changes first. That state and those after it are done anew; those before are not.

Each state finds its own earlier result by the content that it works on and the settings that bear on it, so this is
what a changed parameter costs. Every setting is here once: below its state, or in NOT_BEARING with the reason.
"""

from collections.abc import Mapping

STATES = (
    "UnpackArchive",
    "ValidateDataset",
    "ComputeFeatures",
    "StartTuningJob",
    "StartTrainingJob",
    "EvaluateModel",
    "RegisterModel",
    "WaitForApproval",
    "DeployShadow",
    "JudgeShadow",
    "DeployEndpoint",
    "CheckEndpoint",
    "RegisterScaling",
)
PAID = ("ComputeFeatures", "StartTuningJob", "StartTrainingJob")  # a job each

BEARING: Mapping[str, tuple[str, ...]] = {
    "ValidateDataset": ("min_images_per_class",),
    "ComputeFeatures": (
        "bucket_name", "training_source_s3_uri", "training_image_uri", "model_name", "weights", "weights_s3_uri",
        "trainable", "image_size", "max_unreadable", "validation_fraction", "group_by", "seed",
    ),
    "StartTuningJob": (
        "tuning_mode", "tuning_instance_type", "tuning_epochs", "max_tuning_jobs", "max_parallel_tuning_jobs",
        "tuning_strategy", "tuning_early_stopping", "patience", "class_balance", "mixup", "cutmix", "ema_decay",
        "progressive_resize", "accumulate", "augment", "randaugment", "feature_views",
    ),
    "StartTrainingJob": ("epochs", "training_instance_type", "training_instance_count", "profile_steps"),
    "EvaluateModel": (
        "accuracy_threshold", "champion_margin", "champion_class_margin", "when_undecided", "allow_removed_classes",
        "min_class_recall", "critical_classes", "min_macro_f1", "max_calibration_error", "min_group_accuracy",
    ),
    "RegisterModel": ("inference_image_uri",),
    "DeployEndpoint": (
        "endpoint_name", "endpoint_kind", "endpoint_instance_type", "serverless_memory_mb",
        "serverless_max_concurrency",
    ),
    "RegisterScaling": (
        "scaling_min_instances", "scaling_max_instances", "scaling_target_invocations", "scale_in_cooldown_seconds",
        "scale_out_cooldown_seconds",
    ),
}  # fmt: skip
OF_VIEWS = ("augment", "randaugment", "feature_views")  # of the features already where these are kept

NOT_BEARING: Mapping[str, str] = {
    "stack_name": "whose it is, not what it is",
    "table_name": "where it is noted",
    "state_machine_arn": "who does it",
    "topic_arn": "who is told",
    "model_package_group_name": "where it is registered",
    "sagemaker_role_arn": "by whose right",
    "unpacking_role_arn": "by whose right",
    "unpack_function_mb": "by whom an archive is unpacked, not what it holds",
    "settle_seconds": "when a run starts",
    "arrival_queue_url": "when a run starts",
    "predict_prefix": "where pictures to be answered for lie",
    "tuning_warm_start": "what a search begins with; one that has ended has its result",
    "tuning_max_runtime_seconds": "a job that was stopped at its limit is not taken again",
    "training_max_runtime_seconds": "a job that was stopped at its limit is not taken again",
    "features_instance_count": "how soon features are there; they are the same to the byte",
    "use_spot": "what an instance costs",
    "warm_pool_seconds": "how soon a job's instance is there, and what it costs",
    "spot_max_wait_seconds": "what an instance costs",
    "approval_required": "who has the last word",
    "approval_timeout_hours": "how long a run waits for it",
    "stop_when_idle_minutes": "when what serves goes and comes, not what it is",
    "endpoint_instance_count": "of a new endpoint alone; autoscaling's count is kept ever after",
    "canary_percent": "how a deployment goes, not what it ends in",
    "canary_wait_seconds": "how a deployment goes, not what it ends in",
    "termination_wait_seconds": "how a deployment goes, not what it ends in",
    "rollback_alarm_names": "how a deployment goes, not what it ends in",
    "keep_deployments": "what is kept of earlier ones",
    "scaling_measurement": "where numbers come from, not what they are",
    "shadow_percent": "how a deployment goes, not what it ends in",
    "shadow_seconds": "how a deployment goes, not what it ends in",
    "shadow_min_agreement": "whether a run may go on, not what it finds",
    "shadow_max_latency_ratio": "whether a run may go on, not what it finds",
    "retrain_when": "when a run starts",
    "replace_dataset": "whether a run may go on, not what it finds",
    "max_run_dollars": "whether a run starts",
    "instance_prices": "what an instance costs",
}


def first_state(setting: str, trainable: str) -> str:
    """Return the first state whose result a setting changes, or "" for one that changes none."""
    if setting in OF_VIEWS and trainable == "head":
        return "ComputeFeatures"
    if setting == "feature_views":  # without kept features there are no views
        return ""
    return next((state for state, settings in BEARING.items() if setting in settings), "")


def of_endpoint() -> list[str]:
    """Return the settings that an endpoint of one name takes with a deployment."""
    return [name for name in (*BEARING["DeployEndpoint"], *BEARING["RegisterScaling"]) if name != "endpoint_name"]


def of_model() -> set[str]:
    """Return the settings that change a model or its package; a run of other ones is another run."""
    return {name for state in (*PAID, "RegisterModel") for name in BEARING[state]}
