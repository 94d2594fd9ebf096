"""Turns a request that brings a template into a template that can be deployed."""

import re
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.cloudformation import capabilities, parameters, rules
from embedded_account.cloudformation.documents import MAX_BODY_BYTES, MAX_S3_BYTES, parse, section, transforms
from embedded_account.cloudformation.errors import TemplateError
from embedded_account.cloudformation.stacks import Stack
from embedded_account.cloudformation.templates import Template
from embedded_account.cloudformation.transform import Transformer
from embedded_account.errors import ServiceError

Request = Mapping[str, Any]

_STORE_PAGE = 10  # of GetParameters
_SOURCES = ("TemplateBody", "TemplateURL", "UsePreviousTemplate")
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com")


def check_source(request: Request) -> None:
    """Return when a request brings one template: this is looked at before what it is for.

    Raises:
        ServiceError: it brings none, or several.
    """
    given = [key for key in _SOURCES if request.get(key)]
    if "UsePreviousTemplate" in given and len(given) > 1:
        raise ServiceError(
            "ValidationError", "You cannot specify both usePreviousTemplate and Template Body/Template URL."
        )
    if len(given) != 1:
        raise ServiceError("ValidationError", "Either Template URL or Template Body must be specified.")


def body_of(account: Account, request: Request, stack: Stack | None = None) -> str:
    """Return the text of the template that a request brings.

    Raises:
        ServiceError: it brings none or several, it is too large, or it cannot be read.
    """
    check_source(request)
    if request.get("UsePreviousTemplate"):
        if stack is None or stack.template is None:
            raise ServiceError("ValidationError", "UsePreviousTemplate: the stack has no template yet")
        return stack.template.body
    if request.get("TemplateURL"):
        return _fetched(account, request["TemplateURL"])
    if len(request["TemplateBody"].encode()) > MAX_BODY_BYTES:
        raise ServiceError(
            "ValidationError",
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have "
            f"length less than or equal to {MAX_BODY_BYTES}",
        )
    return str(request["TemplateBody"])


def document_of(account: Account, request: Request, stack: Stack | None = None) -> tuple[str, dict[str, Any]]:
    """Return the text of a request's template and what it says.

    Raises:
        ServiceError: as `body_of`, or it is no template.
    """
    body = body_of(account, request, stack)
    try:
        return body, parse(body)
    except TemplateError as error:
        raise ServiceError("ValidationError", str(error)) from error


def template_of(account: Account, request: Request, stack: Stack) -> Template:
    """Return the template of a request with its parameters checked and its macros carried out.

    Raises:
        ServiceError: the template or a parameter is not valid, or a capability is missing.
        TemplateError: a macro failed.
    """
    body, document = document_of(account, request, stack)
    try:
        declared = section(document, "Parameters")
        values = parameters.resolve(declared, request.get("Parameters", []), stack.parameters)
        stored = parameters.stored(declared, values, partial(_from_parameter_store, account))
        rules.check(document, parameters.typed(declared, values | stored))
    except TemplateError as error:
        raise ServiceError("ValidationError", str(error)) from error
    processed = account.singleton(Transformer).transform(document, values | stored)
    missing = capabilities.missing(processed["Resources"], request.get("Capabilities", []))
    if missing:
        raise ServiceError("InsufficientCapabilitiesException", f"Requires capabilities : [{missing}]")
    return Template(body, document, processed, values, stored, _pseudo_parameters(account, stack))


def require_auto_expand(account: Account, request: Request, stack: Stack | None = None) -> None:
    """Refuse a template with macros that is to be deployed without a change set, unless the caller allows it."""
    _, document = document_of(account, request, stack)
    if transforms(document) and "CAPABILITY_AUTO_EXPAND" not in request.get("Capabilities", []):
        raise ServiceError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]")


def new_stack_id(account: Account, name: str) -> str:
    """Return the ARN of a new stack."""
    return f"arn:aws:cloudformation:{account.region}:{account.account_id}:stack/{name}/{uuid.uuid4()}"


def _pseudo_parameters(account: Account, stack: Stack) -> dict[str, Any]:
    return {
        "AWS::AccountId": account.account_id,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": account.region,
        "AWS::StackId": stack.stack_id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }


def _from_parameter_store(account: Account, names: list[str]) -> dict[str, str]:
    """Return the values of the parameters that are there, by their names."""
    ssm = account.client("ssm")
    pages = (names[first : first + _STORE_PAGE] for first in range(0, len(names), _STORE_PAGE))
    items = [item for page in pages for item in ssm.get_parameters(Names=page)["Parameters"]]
    secret = [item["Name"] for item in items if item["Type"] == "SecureString"]
    if secret:
        raise TemplateError(
            f"Parameters [{', '.join(secret)}] referenced by template have types not supported by CloudFormation."
        )
    return {item["Name"]: item["Value"] for item in items}


def _is_own(account: Account, place: str) -> bool:
    """Return whether host and port are the account's own, where clients reach S3 by paths."""
    port = urlsplit(account.url).port
    return place in {f"127.0.0.1:{port}", f"localhost:{port}"}


def _fetched(account: Account, url: str) -> str:
    parts = urlsplit(url)
    match = _S3_HOST.fullmatch(parts.netloc)
    if match is None and not _is_own(account, parts.netloc):
        raise ServiceError("ValidationError", f"TemplateURL must be a supported URL: {url!r} is not one of Amazon S3")
    path = unquote(parts.path).lstrip("/")
    bucket, key = (match["bucket"], path) if match and match["bucket"] else path.partition("/")[::2]
    version = parse_qs(parts.query).get("versionId")
    try:
        options = {"VersionId": version[0]} if version else {}
        stored = account.client("s3").get_object(Bucket=bucket, Key=key, **options)
    except ClientError as error:
        raise ServiceError("ValidationError", f"S3 error: {error.response['Error'].get('Message')}: {url!r}") from error
    if stored["ContentLength"] > MAX_S3_BYTES:
        raise ServiceError("ValidationError", f"Template may not exceed {MAX_S3_BYTES} bytes in size.")
    return str(stored["Body"].read().decode())
