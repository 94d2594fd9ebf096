"""The answer to a request that this machine has no room for: AWS's internal error, which says what is lacking."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from embedded_account.account import Account, WsgiApplication
from embedded_account.faults.errors import answer, refusal
from embedded_account.faults.routes import identify
from embedded_account.shortages import shortage

logger = logging.getLogger("embedded_account")


def told(account: Account, application: WsgiApplication) -> WsgiApplication:
    """Return `application`, which answers by a sentence where it fails for want of disk or of open files."""

    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return application(environ, start_response)
        except Exception as error:
            lacks = shortage(error, account.folder)
            call = identify(environ) if lacks else None
            if call is None:
                raise
            logger.error("%s:%s failed: %s", call.service, call.operation, lacks)  # noqa: TRY400 (it is no fault of ours)
            usual = refusal("error", call)
            headers, content = answer(call, type(usual)(usual.code, f"the embedded account has no room: {lacks}", 500))
            start_response("500 Error", [*headers.items(), ("Content-Length", str(len(content)))])
            return [content]

    return respond
