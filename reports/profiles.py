"""Where the time of a training step goes, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports import charts
from reports.pages import percent, render

DATA, FORWARD, BACKWARD, OPTIMIZER, OTHER = STAGES = ("waiting for data", "forward", "backward", "optimizer", "other")
SLOW_DATA = 0.2  # share of a step; a fifth is worth an experiment
SLOW_BOOKKEEPING = 0.2
FROZEN_BACKWARD = 0.35  # of the forward pass: a whole network's backward pass takes about twice its forward pass


@dataclass(frozen=True)
class Operator:
    """One operator of the trace; time of its own, without the operators it calls."""

    name: str
    calls: int
    seconds: float
    share: float  # of all operators' time


@dataclass(frozen=True)
class Profile:
    """What was measured over `num_steps` steps, without the tracer; `operators` come from as many steps with it."""

    training_job_name: str
    num_steps: int
    batch_size: int
    seconds: Mapping[str, float]  # a step's, by stage
    operators: Sequence[Operator]
    device: str
    is_cuda: bool
    precision: str
    fast_precision: str  # what --precision auto would take
    threads: int
    workers: int
    peak_memory_bytes: int
    torch_version: str
    trace_file: str

    @property
    def seconds_per_step(self) -> float:
        """Return the mean time of a step."""
        return sum(self.seconds.values())

    @property
    def images_per_second(self) -> float:
        """Return the throughput of training, without validation."""
        return self.batch_size / self.seconds_per_step

    def share(self, stage: str) -> float:
        """Return the fraction of a step that `stage` takes."""
        return self.seconds.get(stage, 0.0) / self.seconds_per_step


def recommendation(profile: Profile) -> str:
    """Return the one change that promises most, by rules that stand here, with the number it follows from."""
    data, compute = profile.share(DATA), profile.share(FORWARD) + profile.share(BACKWARD)
    bookkeeping = profile.share(OPTIMIZER) + profile.share(OTHER)
    if data > SLOW_DATA:
        return (
            f"{percent(data, 0)} of each step waits for data; without it training would be {1 / (1 - data):.1f} times "
            "as fast. Raise cache_mb until the decoded images fit into memory, or workers; less augmentation helps too."
        )
    if profile.precision == "fp32" and profile.fast_precision != "fp32":
        return (
            f"{percent(compute, 0)} of each step is computing, in fp32; this hardware has {profile.fast_precision}: "
            "leave precision at auto."
        )
    if bookkeeping > SLOW_BOOKKEEPING:
        return (
            f"{percent(bookkeeping, 0)} of each step is the optimizer and bookkeeping, which a larger batch_size than "
            f"{profile.batch_size} spreads over more images."
        )
    if profile.seconds.get(BACKWARD, 0.0) < FROZEN_BACKWARD * profile.seconds.get(FORWARD, 0.0):
        return (
            f"{percent(profile.share(FORWARD), 0)} of each step is the forward pass of a mostly frozen network, the "
            "same in every epoch: compute its features once and train on them."
        )
    most = f", most of it in {profile.operators[0].name}" if profile.operators else ""
    return (
        f"{percent(compute, 0)} of each step is the network itself{most}. "
        "A smaller image_size, progressive_resize, fewer trained stages or a faster instance make it shorter."
    )


def profile_report(profile: Profile) -> str:
    """Return the HTML page."""
    return render(
        "profile.html",
        title=f"Profile: {profile.training_job_name}",
        profile=profile,
        stages=[(stage, profile.seconds[stage], profile.share(stage)) for stage in STAGES if stage in profile.seconds],
        advice=recommendation(profile),
        stages_chart=_stages_chart(profile),
    )


def _stages_chart(profile: Profile) -> Markup:
    colours = (charts.SECOND, charts.ACCENT, charts.ACCENT, charts.GOOD, charts.MUTED)
    with charts.settings():
        drawn = charts.figure(11.6, 1.5)
        axes = drawn.add_subplot()
        left = 0.0
        for stage, colour in zip(STAGES, colours, strict=True):
            width = profile.share(stage)
            strength = 0.28 if stage == BACKWARD else 0.5
            axes.barh(0, width, left=left, height=0.6, color=colour, alpha=strength)
            if width > 0.07:
                label = f"{stage}\n{percent(width, 0)}"
                axes.text(left + width / 2, 0, label, ha="center", va="center", color=charts.INK, size=9.5)
            left += width
        axes.axis("off")
        axes.set(xlim=(0, 1), ylim=(-0.4, 0.4))
        shares = ", ".join(f"{stage} {percent(profile.share(stage), 0)}" for stage in STAGES)
        return charts.svg(drawn, "stages", f"shares of a step: {shares}")
