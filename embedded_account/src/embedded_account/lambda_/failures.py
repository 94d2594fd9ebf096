"""How an execution environment fails, in the objects that Lambda answers a caller with."""

import json
import signal


class EnvironmentLostError(Exception):
    """The process ended while no invocation was running; nothing of the caller's was lost."""


class InitError(Exception):
    """The environment could not be started; `answer` is the error object that the caller of a request gets."""

    def __init__(self, payload: bytes, log_tail: bytes, duration_ms: float, *, timed_out: bool = False) -> None:
        super().__init__(payload.decode("utf-8", "replace"))
        self.timed_out = timed_out
        self.payload = payload
        self.log_tail = log_tail
        self.duration_ms = duration_ms

    def answer(self, request_id: str) -> bytes:
        """Return the error object; the request is named where the process itself could not say what happened."""
        error = json.loads(self.payload)
        if error.keys() != {"errorType", "errorMessage"}:
            return self.payload
        return error_object(error["errorType"], f"RequestId: {request_id} Error: {error['errorMessage']}")


def error_object(kind: str, message: str) -> bytes:
    """Return the payload of an invocation that failed."""
    return json.dumps({"errorType": kind, "errorMessage": message}, separators=(",", ":")).encode()


def exit_text(code: int) -> str:
    """Return what Lambda says of a process that ended with `code`; negative for a signal."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    names = {signal.SIGKILL: "killed", signal.SIGSEGV: "segmentation fault", signal.SIGABRT: "aborted"}
    return f"Runtime exited with error: signal: {names.get(signal.Signals(-code), signal.Signals(-code).name.lower())}"
