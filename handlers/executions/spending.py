"""`MaxRunDollars`: no run is started whose jobs may cost more, each at its time limit."""

from dataclasses import fields

from handlers.aws.notifications import tell
from handlers.contract.combinations import parameter_name
from handlers.contract.settings import Settings
from handlers.contract.spending import hourly, shares
from handlers.ledger import Dataset, Ledger


def objection(settings: Settings, s3_uri: str) -> str:
    """Return why the limit lets no run start on a folder or an archive, in words; "" where it does."""
    if not settings.max_run_dollars:
        return ""
    values = {parameter_name(one.name): getattr(settings, one.name) for one in fields(settings)}
    jobs = shares(values, of_archive=not s3_uri.endswith("/"))
    prices = hourly(settings.instance_prices)
    limit = f"MaxRunDollars={settings.max_run_dollars:g}"
    if unknown := sorted({job.instance_type for job in jobs} - prices.keys()):
        return (
            f"{limit}, and what an hour of {' or '.join(unknown)} costs is unknown; run `deploy.py up`, which asks, or "
            f"say it with --parameter InstancePrices={unknown[0]}=DOLLARS"
        )
    costs = {job.name: prices[job.instance_type] * job.instance_hours for job in jobs}
    if sum(costs.values()) <= settings.max_run_dollars:
        return ""
    parts = ", ".join(f"{name} ${cost:.2f}" for name, cost in costs.items())
    return (
        f"a run may cost ${sum(costs.values()):.2f} ({parts}, each at its time limit), which is above {limit}; lower "
        "TrainingMaxRuntimeSeconds, TuningMaxRuntimeSeconds or how many instances run at a time, or raise the limit, "
        "with `deploy.py up --parameter`"
    )


def refuse_dear(dataset_name: str, s3_uri: str, ledger: Ledger, settings: Settings) -> str:
    """Return why no run on a dataset is started, noted and told to the owner once; "" where nothing is against it."""
    problem = objection(settings, s3_uri)
    if not problem:
        return ""
    sentence = f"dataset {dataset_name!r}: not started: {problem}"
    noted = Dataset.get(ledger, dataset_name)
    Dataset.skip(ledger, dataset_name, sentence)
    if noted is None or noted.skip_reason != sentence:
        tell(settings, f"{settings.stack_name}: dataset {dataset_name} not started", sentence)
    return sentence
