"""SQS, SNS, EventBridge and EventBridge Scheduler.

Source: Service Authorization Reference, pages of these services.
"""

from embedded_account.iam.actions.rules import ANY, Call, Rule, each, on


def _queue(call: Call) -> list[str]:
    """Return the queue of a queue's URL, whose last two parts are the account and the name."""
    *_, account_id, name = ["", call.account_id, *str(call.get("QueueUrl") or "").split("/")]
    if call.get("QueueUrl"):
        return [f"arn:aws:sqs:{call.region}:{account_id}:{name}"]
    return [call.arn(str(call.get("QueueName") or ""))]


_QUEUE = on(_queue)
SQS: dict[str, Rule] = {
    "CreateQueue": _QUEUE.tagging("sqs:TagQueue"),
    "GetQueueUrl": _QUEUE,
    "SendMessageBatch": _QUEUE.named("sqs:SendMessage"),
    "DeleteMessageBatch": _QUEUE.named("sqs:DeleteMessage"),
    "ChangeMessageVisibilityBatch": _QUEUE.named("sqs:ChangeMessageVisibility"),
    **each(
        """SendMessage ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueAttributes SetQueueAttributes
        PurgeQueue DeleteQueue AddPermission RemovePermission TagQueue UntagQueue ListQueueTags
        ListDeadLetterSourceQueues""",
        _QUEUE,
    ),
    "ListQueues": ANY,
}


def _topic(call: Call) -> list[str]:
    """Return the topic that is published to; a message to a telephone has none."""
    return [str(call.get("TopicArn") or call.get("TargetArn") or "*")]


def _subscribed_topic(call: Call) -> list[str]:
    """Return the topic of a subscription, whose ARN is the topic's with an id appended."""
    arn = str(call.get("SubscriptionArn") or "*")
    return [arn.rpartition(":")[0] if arn.count(":") > 5 else arn]


_TOPIC = on("{TopicArn}")
SNS: dict[str, Rule] = {
    "Publish": on(_topic),
    "PublishBatch": _TOPIC.named("sns:Publish"),
    "CreateTopic": on("{Name}").tagging("sns:TagResource"),
    "Subscribe": _TOPIC.where(sns__Protocol="Protocol", sns__Endpoint="Endpoint"),
    **each(
        """DeleteTopic GetTopicAttributes SetTopicAttributes ListSubscriptionsByTopic ConfirmSubscription AddPermission
        RemovePermission""",
        _TOPIC,
    ),
    **each("Unsubscribe GetSubscriptionAttributes SetSubscriptionAttributes", on(_subscribed_topic)),
    **each("TagResource UntagResource ListTagsForResource", on("{ResourceArn}")),
    **each("ListTopics ListSubscriptions ListPlatformApplications", ANY),
    **each("CheckIfPhoneNumberIsOptedOut ListPhoneNumbersOptedOut OptInPhoneNumber", ANY),
    **each("GetSMSAttributes SetSMSAttributes", ANY),
    "CreatePlatformApplication": on("app/{Platform}/{Name}"),
    **each(
        """CreatePlatformEndpoint DeletePlatformApplication GetPlatformApplicationAttributes
        SetPlatformApplicationAttributes ListEndpointsByPlatformApplication""",
        on("{PlatformApplicationArn}"),
    ),
    **each("GetEndpointAttributes SetEndpointAttributes DeleteEndpoint", on("{EndpointArn}")),
}


def _rule(call: Call) -> list[str]:
    """Return a rule; one of another bus than the default has the bus in its ARN."""
    bus = str(call.get("EventBusName") or "default").rpartition("/")[2]
    name = call.get("Name") or call.get("Rule") or ""
    return [call.arn(f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")]


def _buses(call: Call) -> list[str]:
    names = [str(entry.get("EventBusName") or "default") for entry in call.get("Entries") or ()]
    return [name if name.startswith("arn:") else call.arn(f"event-bus/{name}") for name in names]


def _bus(call: Call) -> list[str]:
    name = str(call.get("Name") or "default")
    return [name if name.startswith("arn:") else call.arn(f"event-bus/{name}")]


_RULE = on(_rule)
EVENTS: dict[str, Rule] = {
    "PutEvents": on(_buses).where(events__source="Entries[].Source", events__detail_type="Entries[].DetailType"),
    "PutRule": _RULE.tagging("events:TagResource").passing("RoleArn", "events"),
    "PutTargets": _RULE.passing("Targets[].RoleArn", "events").where(events__TargetArn="Targets[].Arn"),
    **each("DeleteRule DescribeRule EnableRule DisableRule RemoveTargets ListTargetsByRule", _RULE),
    **each("CreateEventBus DeleteEventBus DescribeEventBus UpdateEventBus", on(_bus)),
    **each("ListRules ListRuleNamesByTarget ListEventBuses TestEventPattern", ANY),
    **each("TagResource UntagResource ListTagsForResource", on("{ResourceARN}")),
}


def _schedule(call: Call) -> list[str]:
    return [call.arn(f"schedule/{call.get('GroupName') or 'default'}/{call.get('Name') or ''}")]


_SCHEDULE = on(_schedule)
_SCHEDULE_GROUP = on("schedule-group/{Name}")
SCHEDULER: dict[str, Rule] = {
    **each("CreateSchedule UpdateSchedule", _SCHEDULE.passing("Target.RoleArn", "scheduler")),
    **each("GetSchedule DeleteSchedule", _SCHEDULE),
    "CreateScheduleGroup": _SCHEDULE_GROUP.tagging("scheduler:TagResource"),
    **each("GetScheduleGroup DeleteScheduleGroup", _SCHEDULE_GROUP),
    **each("ListSchedules ListScheduleGroups", ANY),
    **each("TagResource UntagResource ListTagsForResource", on("{ResourceArn}")),
}
