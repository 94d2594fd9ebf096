"""The part of the Lambda API that gives functions a URL."""

from embedded_account.account import Account
from embedded_account.errors import ServiceError
from embedded_account.lambda_.api import Answer, LambdaOperations, Params, page
from embedded_account.lambda_.targets import aliases_of, latest, parse_name
from embedded_account.lambda_.urls import FunctionUrls, checked_options
from embedded_account.wiring.serving import Operation


class UrlOperations(LambdaOperations):
    """Answers its part of the Lambda API."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._urls = account.singleton(FunctionUrls)

    def table(self) -> dict[str, Operation]:
        """Return the operations by their names."""
        return {
            "CreateFunctionUrlConfig": self.create,
            "UpdateFunctionUrlConfig": self.update,
            "GetFunctionUrlConfig": self.get,
            "DeleteFunctionUrlConfig": self.delete,
            "ListFunctionUrlConfigs": self.list,
        }

    def create(self, params: Params) -> Answer:
        """Open a listener for a function or an alias."""
        name, qualifier = _target(params)
        options = checked_options(params)
        function = latest(self._backend, name)
        if qualifier and qualifier not in aliases_of(self._backend, function):
            arn = f"{function.function_arn}:{qualifier}"
            raise ServiceError("ResourceNotFoundException", f"Function does not exist: {arn}; a URL needs an alias")
        arn = f"{function.function_arn}:{qualifier}" if qualifier else function.function_arn
        return self._urls.create(name, qualifier, arn, options).describe()

    def update(self, params: Params) -> Answer:
        """Change its settings."""
        return self._urls.update(*_target(params), checked_options(params)).describe()

    def get(self, params: Params) -> Answer:
        """Describe it."""
        return self._urls.find(*_target(params)).describe()

    def list(self, params: Params) -> Answer:
        """List those of a function and its aliases."""
        listed = [url.describe() for url in self._urls.of_function(_target(params)[0])]
        return page(listed, params, "FunctionUrlConfigs")

    def delete(self, params: Params) -> Answer:
        """Close the listener."""
        name, qualifier = _target(params)
        self._urls.find(name, qualifier)
        self._urls.remove(name, qualifier)
        return {}


def _target(params: Params) -> tuple[str, str]:
    return parse_name(params["FunctionName"], params.get("Qualifier"))
