"""How single operations of the embedded account differ from AWS; docs/services.md shows it beside each of them.

An operation that is not listed here behaves as AWS documents it, for the members that it takes: a member that is not
carried out is refused by its name.
"""

_NO_OPTIONS = "as AWS, for the members that the flow uses; any other is refused by name"
_RECORD = "kept, and not acted on"

DIFFERENCES: dict[str, dict[str, str]] = {
    "application-autoscaling": {
        "PutScalingPolicy": "target tracking and steps; steps go by the alarm's latest value; forecasts are refused",
        "PutScheduledAction": "rate, at and cron of targets that are registered",
        "RegisterScalableTarget": "sagemaker:variant:DesiredInstanceCount and lambda:function:ProvisionedConcurrency",
    },
    "cloudformation": {
        "CreateChangeSet": "resource types that it knows; another fails the change set with its name; no imports",
        "CreateStack": "as CreateChangeSet and ExecuteChangeSet at once",
        "UpdateStack": "as CreateChangeSet and ExecuteChangeSet at once",
        "ExecuteChangeSet": "seconds instead of minutes; DisableRollback is refused",
        "ValidateTemplate": "checks the template's own form, not the resources' properties",
        "GetTemplateSummary": "parameters, resource types and capabilities",
    },
    "cloudwatch": {
        "PutMetricAlarm": "alarms on one metric, on metric maths, or on a band around one, by a model of our own",
        "PutDashboard": "the body must be JSON with widgets; it is kept and not drawn",
        "GetMetricStatistics": "one minute at best; percentiles exact to 1 % beyond 100 different values a minute",
        "GetMetricData": "a metric has the unit of its latest sample; a default label is the metric's name",
        "DescribeAlarmHistory": "changes of state only, the last hundred of each alarm",
    },
    "dynamodb": {
        "UpdateTimeToLive": "items are gone within an hour of their time, on the account's clock",
        "UpdateContinuousBackups": _RECORD,
        "TagResource": "moto's",
    },
    "events": {
        "PutRule": "the default bus only",
        "PutTargets": "targets in Lambda, Step Functions, SQS, SNS and CloudWatch Logs; others are refused",
    },
    "iam": dict.fromkeys(
        (
            "CreateLoginProfile",
            "CreateOpenIDConnectProvider",
            "CreateSAMLProvider",
            "EnableMFADevice",
            "UpdateAccountPasswordPolicy",
        ),
        _RECORD,
    ),
    "pricing": dict.fromkeys(
        ("DescribeServices", "GetAttributeValues", "GetProducts"), "of a small table, for the account's region"
    ),
    "budgets": {
        "CreateBudget": "kept; nothing is billed, so no notification comes; filters are not looked into",
        "UpdateBudget": "as CreateBudget",
        "DescribeBudget": "CalculatedSpend is always 0",
        "DescribeBudgets": "all in one answer, and CalculatedSpend is always 0",
        "DescribeNotificationsForBudget": "all in one answer",
        "DescribeSubscribersForNotification": "all in one answer",
    },
    "kms": {
        "CreateKey": "symmetric keys for encryption; others are refused by name",
        "EnableKeyRotation": _RECORD,
        "ListKeys": "all in one answer",
    },
    "lambda": {
        "CreateFunction": "Python runtimes from zip files; MemorySize sets no limit and gives no share of a core",
        "CreateEventSourceMapping": "SQS queues only, at once; filters, tags and destinations are refused by name",
        "UpdateEventSourceMapping": "as CreateEventSourceMapping",
        "Invoke": "no sandbox; ClientContext and LogType as AWS, streaming is refused",
        "PutProvisionedConcurrencyConfig": "ready in seconds",
    },
    "logs": {
        "PutRetentionPolicy": "counted from when an event came, on the account's clock; within an hour of it",
        "PutSubscriptionFilter": "moto's",
        "StartQuery": "moto's, which knows a part of the query language",
    },
    "s3": {
        "CopyObject": "moto's; the content passes through memory",
        "PutBucketLifecycleConfiguration": "followed each midnight of the account's clock; no event tells of a move",
        "PutBucketEncryption": "kept and shown; contents are not encrypted on disk",
        "PutBucketReplication": _RECORD,
        "PutBucketAccelerateConfiguration": _RECORD,
        "PutBucketLogging": "moto's",
        "RestoreObject": "moto's, at once",
        "SelectObjectContent": "moto's, which knows a part of SQL",
    },
    "sagemaker": {
        "CreateTrainingJob": "PyTorch training images only, as processes of this machine; Debugger rules are "
        "reported as Error, not evaluated; an exit with 0 without the toolkit's word of success is a failure; "
        + _NO_OPTIONS,
        "UpdateTrainingJob": "profiling of a running job and the warm pool of a completed one",
        "CreateHyperParameterTuningJob": "Optuna chooses instead of SageMaker; " + _NO_OPTIONS,
        "CreateModel": "PyTorch inference images only; one container; " + _NO_OPTIONS,
        "CreateEndpointConfig": "variants on instances or serverless, a shadow variant, data capture, "
        "asynchronous inference without a key, a response in its notifications, shadow variants and data capture",
        "CreateTransformJob": "whole objects or lines; RecordIO and TFRecord are refused; rows are filtered and joined "
        "with SplitType Line",
        "CreateEndpoint": "in service within seconds; the memory of a serverless variant is not held to",
        "UpdateEndpoint": "blue/green and rolling, on the account's clock; a Failed endpoint must be deleted first",
        "DeleteEndpoint": "deregisters its scalable targets as AWS documents, with the account's own permission",
        "CreateModelPackage": "versioned packages; no validation jobs",
        "CreateModelCard": "the content is held to the schema, in words of the account's own; no key of KMS, no export",
        **dict.fromkeys(
            (
                "ListHyperParameterTuningJobs",
                "ListModelPackageGroups",
                "ListModelPackages",
                "ListTrainingJobs",
            ),
            "newest first without SortBy and SortOrder, where AWS's reference names an ascending order",
        ),
    },
    "sagemaker-runtime": {
        "InvokeEndpoint": "as AWS for one model a variant; throughput is this machine's",
        "InvokeEndpointAsync": "requests that wait are lost when the account ends; no endpoint scales in to zero",
    },
    "scheduler": {
        "CreateSchedule": "targets as of rules; a flexible time window fires at its beginning",
        "UpdateSchedule": "as CreateSchedule",
    },
    "sns": {
        "Publish": "asks for the topic's key; reaches SQS and Lambda; no e-mail, SMS or push",
        "Subscribe": "e-mail is pending for ever",
        "CreatePlatformApplication": _RECORD,
        "CreatePlatformEndpoint": _RECORD,
        "SetSMSAttributes": _RECORD,
    },
    "ssm": {"CreateDocument": _RECORD},
    "stepfunctions": {
        "CreateStateMachine": "standard machines; express, distributed maps, activities and `.sync` "
        "of others than executions and training, tuning and transform jobs are refused, as are payload templates "
        "that are bare lists; intrinsic functions are checked when they run",
        "UpdateStateMachine": "as CreateStateMachine; no versions",
        "RedriveExecution": "the entry of a state, and of an iteration, that goes on is in the history again",
        "StartExecution": "with a state folder, executions survive the account's end, and those that ran are ABORTED; "
        "results of `lambda:invoke` leave out SdkHttpMetadata and SdkResponseMetadata",
    },
    "sts": {"AssumeRole": "gives a session of the role of this account"},
}
