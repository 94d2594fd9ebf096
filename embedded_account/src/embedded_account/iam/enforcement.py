"""Stands before every service: each request is authenticated, and carried out only when it is allowed."""

import io
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Any

from moto.core.exceptions import ServiceException

from embedded_account.account import Account, WsgiApplication
from embedded_account.errors import ServiceError
from embedded_account.iam import deletions, unserved
from embedded_account.iam.actions import TABLE
from embedded_account.iam.actions.rules import Call, Need
from embedded_account.iam.actions.s3 import S3Request, UnknownOperationError, needs, reads_body
from embedded_account.iam.authentication import authenticate, checked_body
from embedded_account.iam.errors import NotAuthenticatedError
from embedded_account.iam.object_keys import ObjectKeys
from embedded_account.iam.permissions import Permissions
from embedded_account.iam.put_policies import PutPolicies
from embedded_account.iam.regions import answer_redirect, other_region
from embedded_account.iam.roles import Roles
from embedded_account.iam.s3_answers import answer_error
from embedded_account.iam.scopes import Scope
from embedded_account.iam.topic_keys import TopicKeys
from embedded_account.identity import Principal
from embedded_account.wiring.malformed import check_needed
from embedded_account.wiring.refusals import not_carried_out
from embedded_account.wiring.serving import parameters

logger = logging.getLogger("embedded_account.iam")

_caller: ContextVar[Principal | NotAuthenticatedError] = ContextVar("caller")
_scope: ContextVar[str] = ContextVar("scope")
_environ: ContextVar[dict[str, Any]] = ContextVar("environ")
# The names that services have in a signature's scope, where they are not boto3's.
_SIGNING_NAMES = {
    "cloudwatch": "monitoring",
    "resourcegroupstaggingapi": "tagging",
    "service-quotas": "servicequotas",
    "sagemaker-runtime": "sagemaker",
    "stepfunctions": "states",
}
_SCOPES = {_SIGNING_NAMES.get(service, service) for service in TABLE} | {"s3"}
_DENYING = frozenset({"sts", "sqs", "sns", "lambda", "kms"})  # whose resources' policies may deny even root
_PUBLISHING = frozenset({"Publish", "PublishBatch"})
_CLOSED_PATHS = ("/moto-api", "/latest/")  # moto's own doors, which pass by every check


class Enforcement:
    """The middleware that finds out who calls, and the check of operations that moto's routing calls."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._permissions = account.singleton(Permissions)
        self._roles = Roles(account)
        self._topic_keys = TopicKeys(account)
        self._object_keys = account.singleton(ObjectKeys)
        self.put_policies = PutPolicies(account, _known_caller)

    def middleware(self, application: WsgiApplication) -> WsgiApplication:
        """Authenticate every request but a browser's preflight; decide on S3's, whose operations HTTP alone tells."""

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            _caller.set(NotAuthenticatedError("Missing", ""))  # the thread has served others
            if is_preflight(environ):  # answered by who serves what it asks for, and by nobody else
                return application(environ, start_response)
            scope = Scope.of(environ)
            if scope.service not in _SCOPES or environ["PATH_INFO"].startswith(_CLOSED_PATHS):
                return unserved.answer(scope.service, environ, start_response)
            caller = self._authenticated(environ, scope.service)
            _caller.set(caller)
            _scope.set(scope.service)
            _environ.set(environ)
            if scope.service == "s3":
                return self._s3_answer(caller, scope, application, environ, start_response)
            environ["HTTP_AUTHORIZATION"] = scope.header(self._account.region)
            return application(environ, start_response)

        return answer

    def check(self, service: str, operation: str, response: Any) -> None:
        """Return when the caller of this thread's request may do `operation`.

        Raises:
            ServiceError: it may not, is not known, or the operation is in no table.
        """
        caller = _caller.get()
        if isinstance(caller, NotAuthenticatedError):
            raise caller.as_service_error(service)
        if _scope.get() != _SIGNING_NAMES.get(service, service):
            raise NotAuthenticatedError("BadSignature", "").as_service_error(service)
        if service == "s3":  # decided on before any short way was taken
            return
        prefix, rules = TABLE.get(service, ("", {}))
        rule = rules.get(operation)
        if rule is None:
            raise not_carried_out(f"{service}:{operation}, whose permissions are not known")
        hands_over = self._roles.is_checked(service, operation)
        if caller.is_root and service not in _DENYING and not hands_over:
            return
        where = self._account.region, self._account.account_id
        call = Call(prefix, operation, parameters(response), *where, caller.user_arn)
        with _readable(service, call):
            needed = rule.needs(call)
        if service == "sts" and operation == "AssumeRole":
            self._check_assumption(caller, needed[0])
            return
        for need in needed:
            self._permissions.require(caller, _of_request(need, _environ.get()), service)
        if hands_over:
            with _readable(service, call):
                self._roles.check(service, call)
        if service == "sns" and operation in _PUBLISHING:
            self._topic_keys.require(caller, str(call.get("TopicArn") or call.get("TargetArn") or ""))

    def _check_assumption(self, caller: Principal, need: Need) -> None:
        decision = self._permissions.decide_assumption(caller, need.resource, need.context)
        if not decision.is_allowed:
            raise ServiceError(
                "AccessDenied",
                f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {need.resource}",
            )

    def _authenticated(self, environ: dict[str, Any], service: str) -> Principal | NotAuthenticatedError:
        payload = None
        if service != "s3":
            payload = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(payload)
        try:
            return authenticate(self._account, environ, payload)
        except NotAuthenticatedError as refusal:
            logger.info("%s %s: %s", environ["REQUEST_METHOD"], environ.get("PATH_INFO"), refusal)
            return refusal

    def _check_missing(self, caller: Principal, need: Need) -> None:
        """Tell that an object is missing only to whom may list the bucket; anyone else is denied, as by S3.

        Source: Amazon S3 API reference, GetObject, "Permissions".
        """
        if need.action != "s3:GetObject" or caller.is_root:
            return
        from moto.s3.models import s3_backends

        name, _, key = need.resource.removeprefix("arn:aws:s3:::").partition("/")
        bucket = s3_backends[self._account.account_id]["aws"].buckets.get(name)
        if bucket is not None and key not in bucket.keys:
            self._permissions.require(caller, Need("s3:ListBucket", f"arn:aws:s3:::{name}"), "s3")

    def _s3_answer(
        self,
        caller: Principal | NotAuthenticatedError,
        scope: Scope,
        application: WsgiApplication,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        """Carry a request to S3 out if it is allowed, and if its body is what its headers say."""
        try:
            body = None if isinstance(caller, NotAuthenticatedError) else checked_body(self._account, environ)
        except ServiceException as refusal:
            return answer_error(refusal, environ, start_response)
        request = S3Request.of(environ)
        region = other_region(self._account, request, scope)
        if region:
            return answer_redirect(region, scope, request, environ, start_response)
        if request.method == "POST" and _is_deletion(request):
            return self._delete_objects(caller, application, environ, start_response)
        refused = self._s3_refusal(caller, request, environ)
        if refused:
            return answer_error(refused, environ, start_response)
        if body is not None:
            application = partial(_as_stated, body, application)
        return application(environ, start_response)

    def _delete_objects(
        self,
        caller: Principal | NotAuthenticatedError,
        application: WsgiApplication,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        """Delete what the caller may delete, and answer with an error for each other key."""
        if isinstance(caller, NotAuthenticatedError):
            return answer_error(caller.as_service_error("s3"), environ, start_response)
        try:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            asked = [_of_request(one, environ) for one in needs(S3Request.of(environ), body)]
        except ServiceException as refusal:
            return answer_error(refusal, environ, start_response)
        except UnknownOperationError as error:
            return answer_error(not_carried_out(f"s3: {error}"), environ, start_response)
        refusals = [self._refusal(caller, need) for need in asked]
        environ["wsgi.input"] = io.BytesIO(body)
        if not any(refusals):
            return application(environ, start_response)
        deletion = deletions.split(body, refusals)
        started: list[Any] = [("200 OK", [("Content-Type", "application/xml")])]
        if deletion.body:
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(deletion.body), str(len(deletion.body))
            content = deletion.completed(application(environ, lambda *start: started.append(start)))
        else:
            content = deletion.refused()
        status, headers = started[-1][:2]
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start_response(status, [*kept, ("Content-Length", str(len(content)))])
        return [content]

    def _refusal(self, caller: Principal, need: Need) -> ServiceException | None:
        try:
            self._permissions.require(caller, need, "s3")
        except ServiceException as refusal:
            return refusal
        return None

    def _s3_refusal(
        self, caller: Principal | NotAuthenticatedError, request: S3Request, environ: dict[str, Any]
    ) -> ServiceException | None:
        if isinstance(caller, NotAuthenticatedError):
            return caller.as_service_error("s3")
        body = None
        try:
            if reads_body(request.method, request.key, request.query):
                body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                environ["wsgi.input"] = io.BytesIO(body)
            for need in (_of_request(one, environ) for one in needs(request, body)):
                self._permissions.require(caller, need, "s3")
                self._check_missing(caller, need)
            self._object_keys.require(caller, request)
            if request.method == "PUT" and not request.key and "policy" in request.query:
                self.put_policies.check_bucket((body or b"").decode("utf-8", "replace"), request.bucket)
        except UnknownOperationError as error:
            return not_carried_out(f"s3: {error}")
        except ServiceException as refusal:
            return refusal
        return None


def _known_caller() -> Principal:
    """Return who sends this thread's request.

    Raises:
        NotAuthenticatedError: nobody who is known.
    """
    caller = _caller.get()
    if isinstance(caller, NotAuthenticatedError):
        raise caller
    return caller


@contextmanager
def _readable(service: str, call: Call) -> Iterator[None]:
    """Let a call that lacks what its permission is found by be told so, by the model of its service."""
    try:
        yield
    except (AttributeError, KeyError, TypeError):
        check_needed(service, call.operation, dict(call.params))
        raise


def _as_stated(
    body: Any, application: WsgiApplication, environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Answer a request to S3; one whose body is not what its headers say is refused once that has shown."""
    started: list[Any] = []
    try:
        answered = application(environ, lambda *start: started.append(start))
    except ServiceException as refusal:
        if refusal is not body.refusal:
            raise
        return answer_error(refusal, environ, start_response)
    if body.refusal:
        return answer_error(body.refusal, environ, start_response)
    start_response(*started[-1])
    return answered


def _is_deletion(request: S3Request) -> bool:
    return not request.key and "delete" in request.query


def _of_request(need: Need, environ: dict[str, Any]) -> Need:
    """Return the need with what the HTTP request itself says.

    Source: IAM user guide, "AWS global condition context keys", aws:UserAgent and aws:referer.
    """
    names = {"aws:UserAgent": "HTTP_USER_AGENT", "aws:Referer": "HTTP_REFERER"}
    from_headers = {key: str(environ[name]) for key, name in names.items() if environ.get(name)}
    return replace(need, context={**need.context, **from_headers})


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Return whether a request is a browser's question before one to another origin, which is never signed."""
    needed = ("HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    return environ["REQUEST_METHOD"] == "OPTIONS" and all(environ.get(name) for name in needed)
