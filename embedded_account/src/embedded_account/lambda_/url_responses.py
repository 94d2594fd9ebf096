"""The part of the Lambda API that gives functions a URL."""
# mypy: disable-error-code="override"
# (moto's methods return strings and tuples by turns; ours return what moto serialises by the service's model)

import json
from typing import Any

from moto.awslambda.responses import LambdaResponse
from moto.core.responses import ActionResult

from embedded_account.errors import ServiceError
from embedded_account.lambda_.targets import aliases_of, latest, parse_name
from embedded_account.lambda_.urls import FunctionUrls, checked_options

URL_OPERATIONS = {
    "CreateFunctionUrlConfig",
    "UpdateFunctionUrlConfig",
    "GetFunctionUrlConfig",
    "DeleteFunctionUrlConfig",
    "ListFunctionUrlConfigs",
}


class UrlResponse(LambdaResponse):
    """Answers its part of the Lambda API. What it works on is set once, when the service is installed."""

    urls: FunctionUrls

    def create_function_url_config(self) -> ActionResult:
        """Open a listener for a function or an alias."""
        name, qualifier = self._url_target()
        cors = checked_options(self._url_request())
        function = latest(self.backend, name)
        if qualifier and qualifier not in aliases_of(self.backend, function):
            arn = f"{function.function_arn}:{qualifier}"
            raise ServiceError("ResourceNotFoundException", f"Function does not exist: {arn}; a URL needs an alias")
        arn = f"{function.function_arn}:{qualifier}" if qualifier else function.function_arn
        return ActionResult(self.urls.create(name, qualifier, arn, cors or {}).describe())

    def update_function_url_config(self) -> ActionResult:
        """Change its settings."""
        cors = checked_options(self._url_request())
        return ActionResult(self.urls.update(*self._url_target(), cors).describe())

    def get_function_url_config(self) -> ActionResult:
        """Describe it."""
        return ActionResult(self.urls.find(*self._url_target()).describe())

    def list_function_url_configs(self) -> ActionResult:
        """List those of a function and its aliases."""
        listed = [url.describe() for url in self.urls.of_function(self._url_target()[0])]
        return ActionResult({"FunctionUrlConfigs": listed})

    def delete_function_url_config(self) -> tuple[int, dict[str, Any], str]:
        """Close the listener."""
        name, qualifier = self._url_target()
        self.urls.find(name, qualifier)
        self.urls.remove(name, qualifier)
        return 204, {"status": 204}, ""

    def _url_target(self) -> tuple[str, str]:
        return parse_name(self._get_param("FunctionName"), self._get_param("Qualifier"))

    def _url_request(self) -> dict[str, Any]:
        request: dict[str, Any] = json.loads(self.normalized_request.data or b"{}")
        return request
