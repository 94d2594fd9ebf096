"""The account's control path for its permissions: GET on /_embedded-account/permissions reports them."""

from http import HTTPStatus

from embedded_account.account import Account
from embedded_account.control import PERMISSIONS_PATH
from embedded_account.control_paths import Answer, ControlRequest, serve_path


def install(account: Account) -> None:
    """Report to whoever knows the account's secret key what each permission was needed for."""

    def answer(request: ControlRequest) -> Answer:
        from embedded_account.iam.report import Reporter

        if not account.records_permissions:
            raise ValueError("permissions are not recorded; start the account with --record-permissions")
        pairs = [pair.partition("=") for pair in request.query.get("with", [])]
        conditions = {key: value for key, _, value in pairs}
        reporter = Reporter(account, conditions, request.query.get("of", []))
        return HTTPStatus.OK, {"roles": reporter.roles(), "resources": reporter.resources()}

    serve_path(account, PERMISSIONS_PATH, answer)
