"""Puts our functions and our API in the place of moto's, which run in Docker."""

from typing import Any

from embedded_account.moto_patches import mount


def install(function_class: type[Any], response_class: type[Any]) -> None:
    """Store functions as `function_class` and answer the Lambda API by `response_class`."""
    from moto.awslambda import models

    original = models.LambdaFunction
    assert issubclass(function_class, original), "moto.awslambda.models.LambdaFunction moved; was moto upgraded?"
    for name in ("_invoke_lambda", "_set_function_code", "_get_layers_data", "set_version", "get_code", "invoke"):
        assert hasattr(original, name), f"LambdaFunction.{name} is gone; was moto upgraded?"
    code = original.invoke.__code__
    assert code.co_varnames[: code.co_argcount] == ("self", "body", "request_headers", "response_headers")
    setattr(models, "LambdaFunction", function_class)  # noqa: B010 (mypy forbids to assign to a class)
    mount("awslambda", {r"{0}/.*$": response_class.dispatch})
