"""The part of the Lambda API that maps event sources to functions."""

from embedded_account.account import Account
from embedded_account.lambda_.api import Answer, LambdaOperations, Params, page
from embedded_account.lambda_.event_sources import EventSources
from embedded_account.lambda_.polling import Polling
from embedded_account.lambda_.targets import parse_name
from embedded_account.wiring.refusals import refuse
from embedded_account.wiring.serving import Operation

_HEEDED = (
    "BatchSize", "Enabled", "EventSourceArn", "FunctionName", "FunctionResponseTypes", "MaximumBatchingWindowInSeconds",
    "ScalingConfig", "UUID",
)  # fmt: skip


class EventSourceOperations(LambdaOperations):
    """Answers its part of the Lambda API."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._sources = account.singleton(EventSources)
        self._polling = account.singleton(Polling)

    def table(self) -> dict[str, Operation]:
        """Return the operations by their names."""
        return {
            "CreateEventSourceMapping": self.create,
            "UpdateEventSourceMapping": self.update,
            "GetEventSourceMapping": self.get,
            "ListEventSourceMappings": self.list,
            "DeleteEventSourceMapping": self.delete,
        }

    def create(self, params: Params) -> Answer:
        """Feed a function from a queue."""
        refuse("CreateEventSourceMapping", params, _HEEDED)
        target = self._target(params)
        mapping = self._sources.add(params, target.function, target.arn)
        self._polling.begin(mapping["UUID"])
        return self._sources.describe(mapping, "Creating")

    def update(self, params: Params) -> Answer:
        """Change in what batches it is fed, or which function is."""
        refuse("UpdateEventSourceMapping", params, _HEEDED)
        mapping_id = params["UUID"]
        name = params.get("FunctionName") or self._sources.find(mapping_id)["FunctionArn"]
        target = self._target({"FunctionName": name})
        mapping = self._sources.update(mapping_id, params, target.function, target.arn)
        return self._sources.describe(mapping, "Updating")

    def get(self, params: Params) -> Answer:
        """Describe a mapping."""
        return self._sources.describe(self._sources.find(params["UUID"]))

    def list(self, params: Params) -> Answer:
        """List those of a queue, a function, or all."""
        mappings = self._sources.all()
        if source := params.get("EventSourceArn"):
            mappings = (one for one in mappings if one["EventSourceArn"] == source)
        if function := params.get("FunctionName"):
            name = parse_name(function, None)[0]
            mappings = (one for one in mappings if parse_name(one["FunctionArn"], None)[0] == name)
        return page([self._sources.describe(one) for one in mappings], params, "EventSourceMappings")

    def delete(self, params: Params) -> Answer:
        """Feed the function no more; what was received is still worked on."""
        return self._sources.describe(self._sources.remove(params["UUID"]), "Deleting")
