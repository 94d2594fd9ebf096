"""`deploy.py down`: remove all that the stack and its executions made, but for the data bucket.

The artifacts bucket stays too, empty: S3 would hold its name, which the next `up` needs.
"""

from __future__ import annotations

from handlers.contract import names
from ops.errors import StackError, unless_gone
from ops.session import Session
from ops.stack import artifacts, belongings, former_endpoints, removal, stacks, tagged
from ops.stack.belongings import Belongings
from ops.stack.removal import Say
from ops.stack.stacks import Stack
from ops.stack.tagged import Tagged


def down(session: Session, say: Say, *, is_forced: bool = False) -> str:
    """Remove the stack with its endpoint, models and code; return the data bucket's name, "" if none.

    It begins from every state that a stack can be in, and goes on where an earlier one was interrupted. By force the
    stack goes although some of its resources cannot be deleted; they are named.

    Raises:
        StackError: there is nothing to remove, or something could not be removed.
    """
    stack = _settled(session)
    bucket = artifacts.bucket_name(session)
    if stack is None:
        _remove_leftovers(session, bucket, say)
        return ""
    own = belongings.of(session, stack)
    try:
        _stop_executions(session, own, say)
        made = tagged.find(session, say)
        _stop_jobs(session, made, say)
        removal.remove_serving(session, own, made, former_endpoints.names(session, stack), say)
        _delete_stack(session, stack, say, is_forced=is_forced)
    except KeyboardInterrupt:
        say(
            f"\ninterrupted: stack {session.stack_name!r} is partly removed and starts no execution;"
            f" `deploy.py down{session.flags}` goes on, `deploy.py up{session.flags}` takes it into use again"
        )
        raise
    if artifacts.exists(session, bucket):
        say(f"emptying artifacts bucket {bucket!r} ...")
        artifacts.empty(session, bucket)
    return own.data_bucket


def _remove_leftovers(session: Session, bucket: str, say: Say) -> None:
    """Remove what bears the tag of a stack that is gone, and what lies in its artifacts bucket.

    Raises:
        StackError: there is neither.
    """
    made = tagged.find(session, say)
    num_emptied = artifacts.empty(session, bucket) if artifacts.exists(session, bucket) else 0
    if made == Tagged() and not num_emptied:
        raise StackError(
            f"stack {session.stack_name!r}: does not exist in {session.region}; there is nothing to remove"
        )
    _stop_jobs(session, made, say)
    removal.remove_serving(session, Belongings(), made, set(), say)


def _stop_jobs(session: Session, made: Tagged, say: Say) -> None:
    """Stop the jobs that no execution waits for any more; they would be billed on."""
    for name in made.tuning_jobs:
        say(f"stopping tuning job {name!r} ...")
        unless_gone(session.sagemaker.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
    for name in made.training_jobs:
        say(f"stopping training job {name!r} ...")
        unless_gone(session.sagemaker.stop_training_job, TrainingJobName=name)


def _settled(session: Session) -> Stack | None:
    """Return the stack once nobody changes it any more.

    Raises:
        StackError: it is protected, so that it must not be deleted, or stays busy.
    """
    stack = stacks.find_idle(session)
    if stack is not None and stack.is_protected:
        raise StackError(
            f"stack {session.stack_name!r}: is protected against deletion; if it is to go, first run"
            " `aws cloudformation update-termination-protection --no-enable-termination-protection"
            f" --stack-name {session.stack_name}`"
        )
    return stack


def _delete_stack(session: Session, stack: Stack, say: Say, *, is_forced: bool) -> None:
    """Delete the stack; what cannot be deleted is named.

    Raises:
        StackError: something could not be deleted, and `is_forced` is not set.
    """
    say(f"deleting stack {session.stack_name!r} ...")
    try:
        stacks.delete(session, stack)
    except StackError as error:
        left = stacks.find(session)
        if left is None or left.status != "DELETE_FAILED":
            raise
        failed = [entry for entry in stacks.resources(session, left) if entry["ResourceStatus"] == "DELETE_FAILED"]
        names = ", ".join(f"{entry['LogicalResourceId']} ({entry.get('PhysicalResourceId')})" for entry in failed)
        if not is_forced:
            raise StackError(
                f"{error}. Not deleted: {names}; remove what keeps them and run `deploy.py down{session.flags}` again,"
                f" or leave them behind with `deploy.py down --force{session.flags}`"
            ) from error
        stacks.delete(session, left, is_forced=True)
        say(f"left behind, delete by hand what you do not need: {names}")


def _stop_executions(session: Session, own: Belongings, say: Say) -> None:
    """Stop what runs, and the jobs it waits for: they would be billed on. What waits for its turn may not start now.

    Nor may a prediction bring back an endpoint that is away.
    """
    for function in filter(None, (own.start_execution, own.standby)):
        stop = session.functions.put_function_concurrency
        unless_gone(stop, FunctionName=function, ReservedConcurrentExecutions=0)
    for name, arn in _running(session, own.state_machine_arn):
        say(f"stopping execution {name!r} ...")
        unless_gone(session.stepfunctions.stop_execution, executionArn=arn, cause="deploy.py down")
        tuning = names.tuning_job_name(name)
        unless_gone(session.sagemaker.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=tuning)
        for job_name in (
            names.unpacking_job_name,
            names.features_job_name,
            names.trials_job_name,
            names.training_job_name,
        ):
            unless_gone(session.sagemaker.stop_training_job, TrainingJobName=job_name(name))


def _running(session: Session, state_machine_arn: str) -> list[tuple[str, str]]:
    """Return name and ARN of the executions that run; none when the state machine is gone."""
    if not state_machine_arn:
        return []
    pages = session.stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=state_machine_arn, statusFilter="RUNNING"
    )
    listed = unless_gone(lambda: [entry for page in pages for entry in page["executions"]]) or []
    return [(entry["name"], entry["executionArn"]) for entry in listed]
