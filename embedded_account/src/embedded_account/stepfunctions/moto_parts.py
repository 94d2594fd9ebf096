"""Step Functions: a program of moto's that goes on where an execution had failed, down to the parts of its states."""

import copy
import threading
from collections.abc import Mapping
from typing import Any

from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.program.states import States
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import inline_iteration_component
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobClosed, JobPool
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branches_decl import BranchesDecl

from embedded_account.stepfunctions.beginnings import Beginning, Done

Parts = Mapping[int, Beginning | Done]


def install() -> None:
    """Let the iterations of a Map state come from a pool that knows which of them are done."""
    assert vars(inline_iteration_component)["JobPool"] is JobPool, "the pool is another; was moto upgraded?"
    vars(inline_iteration_component)["JobPool"] = _pool


class ResumedProgram(Program):
    """A program that begins at a state of its own, with the input and the variables of then."""

    def __init__(self, program: Any, beginning: Beginning) -> None:
        states: Any = States()  # type: ignore[no-untyped-call]
        states.states = dict(program.states.states)
        states.states[beginning.state] = _resumed(states.states[beginning.state], beginning.parts)
        super().__init__(program.query_language, StartAt(beginning.state), states, program.timeout_seconds)
        self._beginning = beginning

    def eval(self, env: Any) -> None:
        """Run the rest of the program."""
        env.states.reset(self._beginning.value)
        for name, value in self._beginning.variables.items():
            env.variable_store.set(name, value)
        env.variable_store.reset_tracing()
        super().eval(env)


def _resumed(state: Any, parts: Parts) -> Any:
    """Return a state that runs, the first time, those of its parts alone that are not done."""
    if not parts:
        return state
    resumed = copy.copy(state)
    if isinstance(state, StateMap):
        component = copy.copy(state.iteration_component)
        vars(component)["_states"] = _IterationStates(component._states, parts)
        resumed.iteration_component = component
    else:
        resumed.branches = _Branches(state.branches.programs, parts)
    return resumed


class _Once:
    """Parts that are given once: a state that retries, or comes again, runs all of its parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()

    def take(self) -> Parts:
        with self._lock:
            taken, self._parts = self._parts, {}
        return taken


class _Branches(BranchesDecl):
    """The branches of a Parallel state, of which some may be done."""

    def __init__(self, programs: list[Program], parts: Parts) -> None:
        super().__init__(programs)
        self._once = _Once(parts)

    def _eval_body(self, env: Any) -> None:
        parts = self._once.take()
        done = {number: part.output for number, part in parts.items() if isinstance(part, Done)}
        rest = {number: program for number, program in enumerate(self.programs) if number not in done}
        if rest:
            BranchesDecl([_part(program, parts.get(number)) for number, program in rest.items()])._eval_body(env)
        results = dict(zip(rest, env.stack.pop(), strict=True)) if rest else {}
        if not rest:
            env.stack.pop()  # the input, which no branch takes
        env.stack.append([(done | results)[number] for number in range(len(self.programs))])


class _IterationStates(States):
    """The states of a Map's iterations, of which some may be done."""

    def __init__(self, original: States, parts: Parts) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.states = original.states
        self.once = _Once(parts)


def _pool(job_program: Program, job_inputs: list[Any]) -> JobPool:
    """Return the iterations of a Map state; those that are done are closed with their outputs."""
    pool = JobPool(job_program=job_program, job_inputs=job_inputs)
    parts = job_program.states.once.take() if isinstance(job_program.states, _IterationStates) else {}
    for job in list(pool._open_jobs):
        part = parts.get(job.job_index)
        if isinstance(part, Done):
            pool._open_jobs.remove(job)
            pool._closed_jobs.add(JobClosed(job_index=job.job_index, job_output=part.output))
        else:
            vars(job)["job_program"] = _part(job_program, part)
    return pool


def _part(program: Program, part: Beginning | Done | None) -> Program:
    return ResumedProgram(program, part) if isinstance(part, Beginning) else program
