"""Begins deployments and deletions of stacks, each on a thread of its own."""

import logging
from collections.abc import Callable

from embedded_account.account import Account
from embedded_account.cloudformation.deployment import Deployment, delete_stack
from embedded_account.cloudformation.exports import Exports
from embedded_account.cloudformation.stacks import ChangeSet, Stack, Stacks
from embedded_account.cloudformation.templates import Template
from embedded_account.errors import ServiceError

logger = logging.getLogger("embedded_account")


class Operator:
    """Moves stacks from one state to the next. Its callers hold the lock of `stacks`."""

    def __init__(self, account: Account, stacks: Stacks, exports: Exports) -> None:
        self._account = account
        self._stacks = stacks
        self._exports = exports

    def new_stack(self, name: str, stack_id: str) -> Stack:
        """Return a stack that is not known yet."""
        return Stack(name, stack_id, self._account.clock, self._account.clock.now(), "")

    def review(self, stack: Stack) -> None:
        """Make a stack known that exists only to hold a change set."""
        self._stacks.add(stack)
        self._account.journal.begin("stack", stack.name)
        stack.enter("REVIEW_IN_PROGRESS", "User Initiated")

    def start(
        self,
        stack: Stack,
        template: Template,
        *,
        capabilities: list[str],
        tags: list[dict[str, str]],
        role_arn: str,
        change_set: ChangeSet | None = None,
        deleted: frozenset[str] = frozenset(),
        is_left_failed: bool = False,
    ) -> None:
        """Begin to create or update `stack`; values of the stack are restored when an update is rolled back.

        What somebody has `deleted` is forgotten, so that it is made anew.
        """
        is_update = stack.status not in ("", "REVIEW_IN_PROGRESS")
        if not stack.status:
            self._stacks.add(stack)
            self._account.journal.begin("stack", stack.name)
        for name in deleted:
            stack.resources.pop(name, None)
        if is_update:
            stack.keep_stable()
        stack.template, stack.capabilities, stack.tags, stack.role_arn = template, capabilities, tags, role_arn
        stack.description = template.document.get("Description", "")
        if change_set:
            change_set.execution_status = "EXECUTE_IN_PROGRESS"
            stack.change_set_id = change_set.change_set_id
        if is_update or change_set:
            stack.updated_at = self._account.clock.now()
        stack.enter("UPDATE_IN_PROGRESS" if is_update else "CREATE_IN_PROGRESS", "User Initiated")
        deployment = Deployment(self._account, stack, template, self._exports)

        def deploy() -> None:
            carry_out = deployment.update if is_update else deployment.create
            succeeded = carry_out(is_left_failed=is_left_failed)
            if change_set:
                change_set.execution_status = "EXECUTE_COMPLETE" if succeeded else "EXECUTE_FAILED"
            if is_update:
                _settle(stack)

        failed_status = "UPDATE_ROLLBACK_FAILED" if is_update else "ROLLBACK_FAILED"
        self._run(stack, deploy, failed_status)

    def roll_back(self, stack: Stack, skipped: set[str], token: str) -> None:
        """Begin to bring `stack`, whose update or rollback failed, back to what it was before the update."""
        before = stack.stable
        if before is None or before.template is None:
            raise ServiceError("ValidationError", f"Stack [{stack.name}] has no last known stable state")
        stack.token = token
        stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        deployment = Deployment(self._account, stack, before.template, self._exports, before.resources)

        def roll_back() -> None:
            deployment.roll_back(skipped)
            _settle(stack)

        self._run(stack, roll_back, "UPDATE_ROLLBACK_FAILED")

    def delete(self, stack: Stack, retained: set[str], token: str, *, is_forced: bool = False) -> None:
        """Begin to delete `stack`, unless others import from it; by force it goes although some resources stay."""
        stack.token = token
        if problem := self._exports.in_use(stack):
            stack.enter(stack.status, problem)
            return
        stack.enter("DELETE_IN_PROGRESS", "User Initiated")

        def delete() -> None:
            if delete_stack(self._account, stack, self._exports, retained, is_forced=is_forced):
                self._account.journal.end("stack", stack.name)

        self._run(stack, delete, "DELETE_FAILED")

    def _run(self, stack: Stack, work: Callable[[], None], failed_status: str) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception as error:
                logger.exception("stack %r", stack.name)
                stack.enter(failed_status, f"Internal Failure: {type(error).__name__}: {error}")

        self._account.start_thread(f"stack-{stack.name}", guarded)


def _settle(stack: Stack) -> None:
    """Describe `stack` as what it has become: the new one, or after a rollback the one before."""
    if "ROLLBACK" in stack.status:
        stack.take_back()
    if stack.status.endswith("_COMPLETE"):
        stack.stable = None
