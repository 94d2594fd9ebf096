"""Faults of what runs: processes that are killed, jobs that somebody else stops."""

import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from embedded_account.account import Account
from embedded_account.faults.board import Board
from embedded_account.faults.fault import PROCESS_KINDS, Fault

logger = logging.getLogger("embedded_account.faults")


class Breaker:
    """Looks for what the waiting faults are about, and breaks it; `look` is called many times a second."""

    def __init__(self, account: Account, board: Board) -> None:
        self._account = account
        self._board = board
        self._due: dict[str, Callable[[Fault], None]] = {
            "kill-environment": self._kill_environment,
            "kill-training-job": lambda fault: self._break_training_job(fault, "kill"),
            "interrupt-training-job": lambda fault: self._break_training_job(fault, "interrupt", fault.seconds),
            "lose-training-instance": lambda fault: self._break_training_job(fault, "lose"),
            "kill-endpoint-instance": self._kill_endpoint_instance,
            "stop-training-job": self._stop_training_job,
            "stop-tuning-job": self._stop_tuning_job,
            "stop-execution": self._stop_execution,
        }

    def look(self) -> None:
        """Let every fault happen whose occasion has come."""
        for fault in self._board.waiting(*PROCESS_KINDS):
            self._due[fault.kind](fault)

    def _kill_environment(self, fault: Fault) -> None:
        for name, pid in self._account.running("execution environments"):
            if fault.matches(name=name) and self._board.use(fault, f"environment of {name!r}"):
                _kill(pid)

    def _kill_endpoint_instance(self, fault: Fault) -> None:
        for name, pid in self._account.running("endpoint instances"):
            if fault.matches(name=name) and self._board.use(fault, f"instance of endpoint {name!r}, process {pid}"):
                _kill(pid)

    def _break_training_job(self, fault: Fault, how: str, *arguments: float) -> None:
        for job in self._account.running("training jobs"):
            act = getattr(job, how)
            is_due = act is not None and fault.matches(name=job.name) and job.num_steps >= fault.step
            if is_due and self._board.use(fault, f"training job {job.name!r} after step {job.num_steps}"):
                act(*arguments)

    def _stop_training_job(self, fault: Fault) -> None:
        client = self._account.client("sagemaker")
        pages = client.get_paginator("list_training_jobs").paginate(StatusEquals="InProgress")
        jobs = [job for page in pages for job in page["TrainingJobSummaries"]]
        names = [job["TrainingJobName"] for job in jobs if job["SecondaryStatus"] == "Training"]
        self._stop(fault, names, lambda name: client.stop_training_job(TrainingJobName=name))

    def _stop_tuning_job(self, fault: Fault) -> None:
        client = self._account.client("sagemaker")
        answer = client.list_hyper_parameter_tuning_jobs(StatusEquals="InProgress", MaxResults=100)
        names = [job["HyperParameterTuningJobName"] for job in answer["HyperParameterTuningJobSummaries"]]
        stop = client.stop_hyper_parameter_tuning_job
        self._stop(fault, names, lambda name: stop(HyperParameterTuningJobName=name))

    def _stop_execution(self, fault: Fault) -> None:
        client = self._account.client("stepfunctions")
        arns: dict[str, str] = {}
        for machine in client.list_state_machines()["stateMachines"]:
            running = client.list_executions(stateMachineArn=machine["stateMachineArn"], statusFilter="RUNNING")
            arns |= {execution["name"]: execution["executionArn"] for execution in running["executions"]}
        self._stop(fault, list(arns), lambda name: client.stop_execution(executionArn=arns[name]))

    def _stop(self, fault: Fault, names: list[str], stop: Callable[[str], Any]) -> None:
        for name in names:
            if fnmatchcase(name, fault.name):
                with suppress(ClientError):  # it has ended meanwhile, and the fault waits for another one
                    stop(name)
                    self._board.use(fault, name)
                    return


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
