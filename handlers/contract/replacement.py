"""Whether the model of one dataset may take the place of another's on the stack's endpoint: `ReplaceDataset`."""

import shlex

ANY = "*"  # no dataset can have this name


def may_replace(dataset: str, serving: str, parameter: str) -> bool:
    """Tell whether a run on `dataset` may go on where `serving` is the dataset whose model serves, "" for none."""
    return serving in ("", dataset) or parameter in (ANY, dataset)


def refusal(dataset: str, serving: str, endpoint_name: str, flags: str = "", then: str = "") -> str:
    """Return why it may not, and both ways on; `flags` are those with which the commands reach the stack.

    `then` is what comes after the yes, in place of starting what is in the bucket.
    """
    name = shlex.quote(dataset)
    then = then or f"`deploy.py start {name}{flags}`"
    return (
        f"endpoint {endpoint_name!r} serves the model of dataset {serving!r}, which that of {dataset!r} would replace; "
        f"if it may, `deploy.py up --parameter ReplaceDataset={name}{flags}` and then {then}; "
        "a stack of its own (`deploy.py up --stack-name OTHER`) would serve it beside"
    )
