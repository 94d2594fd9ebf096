"""The account's control path for its clock: POST on /_embedded-account/clock puts it forward."""

from http import HTTPStatus

from embedded_account.account import Account
from embedded_account.control import CLOCK_PATH
from embedded_account.control_paths import Answer, ControlRequest, serve_path


def install(account: Account) -> None:
    """Let whoever knows the account's secret key put its clock forward."""

    def answer(request: ControlRequest) -> Answer:
        if request.method == "POST":
            account.clock.advance(_seconds(request.body))
        return HTTPStatus.OK, {"Now": account.clock.now().isoformat()}

    serve_path(account, CLOCK_PATH, answer)


def _seconds(body: object) -> float:
    value = body.get("AdvanceSeconds") if isinstance(body, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"AdvanceSeconds: {value!r}; it must be a number")  # noqa: TRY004 (the caller's mistake)
    return float(value)
