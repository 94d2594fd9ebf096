"""`--profile STEPS`: where the time of a training step goes, and a trace of every operator."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

from reports.profiles import BACKWARD, DATA, FORWARD, OPTIMIZER, OTHER, STAGES, Operator, Profile
from training.config import TrainingConfig
from training.model.precision import resolve
from training.optimisation.state import Callback, EpochResult, TrainingState

PROFILE_FILE = "profile.html"
TRACE_FILE = "profile_trace.json.gz"
WARM_UP_STEPS = 3  # memory is allocated and kernels are chosen in them
TOP_OPERATORS = 20
CUDA_KERNEL = "DeviceType.CUDA"


@dataclass
class Measured:
    """Seconds by stage over `num_steps` steps."""

    seconds: dict[str, float]
    num_steps: int = 0


class Profiler(Callback):
    """Times some steps, then traces as many; hooks of the network and the optimizer tell the stages apart.

    What is timed is not traced, since the tracer slows what it watches. On CUDA each stage waits for its kernels, so
    that they count where they were started.
    """

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config
        self.measured = Measured(dict.fromkeys(STAGES, 0.0))
        self._device = torch.device("cpu")
        self._tracer: profile | None = None
        self._stage = ""
        self._since = 0.0
        self._range: Any = None
        self._num_seen = 0
        self._hooks: list[Any] = []
        self._is_over = False

    def on_start(self, state: TrainingState) -> None:
        model, optimizer = state.model, state.optimizer
        self._device = next(model.parameters()).device
        self._hooks = [
            model.register_forward_pre_hook(self._in_training(FORWARD)),
            model.register_forward_hook(self._in_training(BACKWARD)),
            optimizer.register_step_pre_hook(lambda *_: self._enter(OPTIMIZER)),
            optimizer.register_step_post_hook(lambda *_: self._enter(OTHER)),
        ]
        self._enter(DATA)

    def on_step(self, state: TrainingState) -> None:
        self._enter(DATA)
        if self._is_over:
            return
        self._num_seen += 1
        timed = self._num_seen - WARM_UP_STEPS
        if timed == 0:
            self.measured.seconds = dict.fromkeys(STAGES, 0.0)
        elif 0 < timed <= self.config.profile:
            self.measured.num_steps = timed
        if timed == self.config.profile:
            self._start_tracer()
        elif timed == 2 * self.config.profile:
            self.stop()

    def on_epoch(self, state: TrainingState, result: EpochResult) -> None:
        """Leave out validation, which ran since the last step."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """End the measurement, early where training ended early."""
        if self._is_over:
            return
        self._is_over = True
        self._leave()
        for hook in self._hooks:
            hook.remove()
        if self._tracer is not None:
            self._tracer.stop()

    def result(self) -> Profile | None:
        """Return what was measured; None where training ended before a step could be."""
        count = self.measured.num_steps
        if not count:
            return None
        is_cuda = self._device.type == "cuda"
        return Profile(
            training_job_name=self.config.training_job_name,
            num_steps=count,
            batch_size=self.config.batch_size,
            seconds={stage: seconds / count for stage, seconds in self.measured.seconds.items()},
            operators=[] if self._tracer is None else top_operators(self._tracer, is_cuda),
            device=torch.cuda.get_device_name(self._device) if is_cuda else "CPU",
            is_cuda=is_cuda,
            precision=resolve(self.config.precision, self._device),
            fast_precision=resolve("auto", self._device),
            threads=torch.get_num_threads(),
            workers=self.config.workers,
            peak_memory_bytes=torch.cuda.max_memory_allocated(self._device) if is_cuda else peak_memory_bytes(),
            torch_version=str(torch.__version__),
            trace_file=TRACE_FILE,
        )

    def write(self, folder: Path) -> str:
        """Write the page and the trace to `folder`; return a line for the log, also about a failure to write them."""
        from reports.profiles import profile_report, recommendation

        self.stop()
        measured = self.result()
        if measured is None:
            return f"profile: none, training took too few steps; it needs more than {WARM_UP_STEPS}, so more epochs"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._tracer is not None:
                self._tracer.export_chrome_trace(str(folder / TRACE_FILE))
            (folder / PROFILE_FILE).write_text(profile_report(measured), encoding="utf-8")
        except (OSError, RuntimeError) as error:  # the training that was watched is worth more
            return f"profile: could not be written to {str(folder)!r}: {error}"
        shares = " ".join(f"{stage.replace(' ', '_')}={measured.share(stage):.3f}" for stage in measured.seconds)
        return f"profile: images_per_second={measured.images_per_second:.1f} {shares}; {recommendation(measured)}"

    def _start_tracer(self) -> None:
        activities = [ProfilerActivity.CPU]
        if self._device.type == "cuda":
            activities.append(ProfilerActivity.CUDA)
        self._tracer = profile(activities=activities)
        self._tracer.start()

    def _in_training(self, stage: str) -> Callable[..., None]:
        """Return a hook that ignores passes which train nothing, as validation's."""

        def hook(module: nn.Module, *_: Any) -> None:
            if torch.is_grad_enabled():
                self._enter(stage)

        return hook

    def _enter(self, stage: str) -> None:
        self._leave()
        if not self._is_over:
            self._stage, self._since = stage, time.perf_counter()
            if self._tracer is not None:
                self._range = record_function(stage)
                self._range.__enter__()

    def _leave(self) -> None:
        if self._range is not None:
            self._range.__exit__(None, None, None)
            self._range = None
        if self._stage and self._tracer is None:
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
            self.measured.seconds[self._stage] += time.perf_counter() - self._since
        self._stage = ""


def top_operators(tracer: profile, is_cuda: bool) -> list[Operator]:
    """Return the operators with the most time of their own, on the GPU where there is one."""
    # A kernel's own row would count it twice: its time is also that of the operator which started it.
    rows = [row for row in tracer.key_averages() if row.key not in STAGES and str(row.device_type) != CUDA_KERNEL]
    times = {row.key: 0.0 for row in rows}
    calls = dict.fromkeys(times, 0)
    for row in rows:
        times[row.key] += (row.self_device_time_total if is_cuda else row.self_cpu_time_total) / 1e6
        calls[row.key] += row.count
    total = sum(times.values()) or 1.0
    ordered = sorted(times, key=lambda key: -times[key])[:TOP_OPERATORS]
    return [Operator(key, calls[key], times[key], times[key] / total) for key in ordered if times[key] > 0]


def peak_memory_bytes() -> int:
    """Return the greatest resident size of this process; macOS counts bytes, Linux KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
