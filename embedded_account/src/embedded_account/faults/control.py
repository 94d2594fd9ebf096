"""The account's control path for faults: GET, POST and DELETE on /_embedded-account/faults."""

from http import HTTPStatus

from embedded_account.account import Account
from embedded_account.control_paths import Answer, ControlRequest, serve_path
from embedded_account.faults.board import Board
from embedded_account.faults.fault import Fault, FaultError
from embedded_account.faults.remote import FAULTS_PATH


def install_control(account: Account, board: Board) -> None:
    """Let whoever knows the account's secret key add, list and clear faults."""

    def answer(request: ControlRequest) -> Answer:
        if request.method == "GET":
            waiting = [fault.describe() for fault in board.waiting()]
            return HTTPStatus.OK, {"Faults": waiting, "History": board.history()}
        if request.method == "DELETE":
            return HTTPStatus.OK, {"NumCleared": board.clear(request.rest)}
        if request.method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, {"Message": f"method: {request.method!r}; use GET, POST or DELETE"}
        if not isinstance(request.body, dict):
            raise FaultError(f"fault: {request.body!r:.100}; it must be a JSON object")
        return HTTPStatus.OK, board.add(Fault.parse(request.body)).describe()

    serve_path(account, FAULTS_PATH, answer)
