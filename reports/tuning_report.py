"""The page about a tuning job: which hyperparameters were tried, what came of each, and what it cost."""

from statistics import median
from typing import Any

from reports import tuning_charts as charts
from reports.findings import Finding
from reports.pages import duration, percent, render
from reports.tuning import Importance, Range, Trial, TuningJob, importances, required_jobs

NARROW = 0.1  # of an axis: a best value so near to an end asks for a wider range


def tuning_report(job: TuningJob) -> str:
    """Return the HTML page about `job`, at the moment it was looked at."""
    ranked = importances(job)
    has_scores = bool(job.scored())
    return render(
        "tuning.html",
        title=f"Tuning report: {job.name}",
        job=job,
        best=job.best(),
        trials=sorted(job.trials, key=job.rank, reverse=True),
        findings=findings(job, ranked),
        progress_chart=charts.progress(job) if has_scores else None,
        coordinates_chart=charts.parallel_coordinates(job) if has_scores and job.ranges else None,
        slices_chart=charts.slices(job) if has_scores and job.ranges else None,
        timeline_chart=charts.timeline(job),
        importance_chart=charts.importance(ranked) if ranked else None,
        required_jobs=required_jobs(job),
        failures=failures(job),
        costs=costs(job),
    )


def findings(job: TuningJob, ranked: list[Importance]) -> list[Finding]:
    """Return what a person should know first."""
    notes = [Finding("warn", job.failure)] if job.failure else []
    best = job.best()
    if best is None:
        text = f"No training job has given {job.objective_name} yet; the table says what became of each."
        return [*notes, Finding("warn", text)]
    middle = median(trial.objective for trial in job.scored() if trial.objective is not None)
    result = f"Training job {best.number} is the best, with {job.objective_name} {best.objective:.4f}"
    notes.append(Finding("good", f"{result}; the median is {middle:.4f}."))
    failed = [trial for trial in job.trials if trial.status == "Failed"]
    if failed:
        notes.append(
            Finding(
                "warn", f"{len(failed)} of {len(job.trials)} training jobs failed; their reasons stand below the table."
            )
        )
    notes += [Finding("note", text) for one in job.ranges if (text := _near_an_end(one, best))]
    if ranked and ranked[0].low > 0.3:
        notes.append(
            Finding(
                "note",
                f"{ranked[0].name} matters most: {percent(ranked[0].share, 0)} of what explains the differences.",
            )
        )
    return notes


def _near_an_end(one: Range, best: Trial) -> str:
    """Return a hint where the best value lies at an end that could be moved; nothing lies below a zero."""
    if one.choices or one.is_integer or one.name not in best.hyperparameters:
        return ""
    place = one.place(best.hyperparameters[one.name])
    if place > 1 - NARROW or (place < NARROW and one.low > 0):
        end = "lower" if place < NARROW else "upper"
        return f"The best {one.name} lies near the {end} end of its range; a wider range may gain."
    return ""


def failures(job: TuningJob) -> dict[str, list[int]]:
    """Return the numbers of the training jobs that failed, by reason, the most frequent first."""
    by_reason: dict[str, list[int]] = {}
    for trial in job.trials:
        if trial.failure:
            by_reason.setdefault(trial.failure, []).append(trial.number)
    return dict(sorted(by_reason.items(), key=lambda item: -len(item[1])))


def costs(job: TuningJob) -> dict[str, Any]:
    """Return the time that was spent, and on what."""
    wall = (job.ended_at - job.created_at).total_seconds() if job.ended_at else None
    total = job.seconds()
    return {
        "Training jobs": f"{len(job.trials)}" + (f" of {job.max_jobs}" if job.max_jobs else ""),
        "At once": "all, side by side in one job" if job.own_seconds is not None else job.max_parallel_jobs,
        "Instance": f"{job.instance_count} x {job.instance_type}",
        "Wall time": duration(wall),
        "Instance time, all jobs": duration(total),
        "Price of that time": price(job, total),
    } | ({} if job.own_seconds is not None else _of_jobs(job, total))


def _of_jobs(job: TuningJob, total: float) -> dict[str, Any]:
    """Return what one training job took; trials side by side take no time of their own."""
    best = job.best()
    return {
        "A job, on average": duration(total / len(job.trials)) if job.trials else duration(None),
        "The best job": duration(best.seconds) if best else duration(None),
    }


def price(job: TuningJob, seconds: float) -> str:
    """Return what `seconds` of an instance cost on AWS, in words; start-up is not billed and not counted."""
    if job.dollars_per_hour is None:
        return f"not known for {job.instance_type}"
    return f"${seconds / 3600 * job.dollars_per_hour:.2f} ({job.prices_of})"
