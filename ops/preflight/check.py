"""Runs the preflight: every question at once, one finding each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from ops.console import say, table
from ops.errors import StackError
from ops.preflight import capacity, container_images, lambda_concurrency, obstacles, readings, sagemaker_quotas
from ops.preflight.finding import COLUMNS, Finding, Verdict, blocking
from ops.preflight.readings import UnansweredError, ask, unknown
from ops.session import Session


def check(session: Session, values: Mapping[str, str]) -> list[Finding]:
    """Return what the account says to a stack with the template's parameters `values`; it changes nothing."""
    parts: list[Callable[[Session, Mapping[str, str]], list[Finding]]] = [
        _sagemaker,
        _lambda,
        obstacles.find,
        container_images.judge,
    ]
    with ThreadPoolExecutor(len(parts)) as pool:
        answers = [pool.submit(part, session, values) for part in parts]
        findings = [Finding("credentials", f"account {session.account_id}, {session.region}", "", Verdict.FITS)]
        return findings + [finding for answer in answers for finding in answer.result()]


def _sagemaker(session: Session, values: Mapping[str, str]) -> list[Finding]:
    wanted = sagemaker_quotas.uses(values)
    names = {use.quota_name for use in wanted}
    try:
        quotas = ask("servicequotas:ListServiceQuotas", lambda: readings.sagemaker_quotas(session, names))
    except UnansweredError as error:
        return [unknown(f"SageMaker, {use.quota_name}", f"{use.num_instances} ({use.why})", error) for use in wanted]
    return sagemaker_quotas.judge(wanted, quotas, session.region)


def _lambda(session: Session, values: Mapping[str, str]) -> list[Finding]:
    name = f"{session.stack_name}-predict"
    try:
        account = ask("lambda:GetAccountSettings", lambda: readings.lambda_concurrency(session, name))
    except UnansweredError as error:
        return [unknown("Lambda, concurrency", values["PredictReservedConcurrency"], error)]
    return [*lambda_concurrency.judge(values, account, session.region), *capacity.judge(values, account)]


def show(findings: Iterable[Finding]) -> None:
    """Print the findings as a table."""
    table("what the account allows", COLUMNS, [finding.row() for finding in findings])


def show_open(findings: Iterable[Finding]) -> None:
    """Print those that do not fit, if any."""
    open_ones = [finding for finding in findings if finding.verdict in {Verdict.BLOCKS, Verdict.WARNS}]
    if open_ones:
        show(open_ones)


def require(session: Session, findings: list[Finding], *, force: bool) -> None:
    """Show what does not fit, and stop what would surely fail.

    Raises:
        StackError: something is in the way and `force` is not set; the message has the first remedy of each.
    """
    show_open(findings)
    in_the_way = blocking(findings)
    if not in_the_way:
        return
    if force:
        say(f"{len(in_the_way)} findings are in the way; going on, since --force was given")
        return
    parts = [f"{each.subject}: {each.have}, needed {each.need}" for each in in_the_way]
    remedies = " ".join(dict.fromkeys(each.remedies[0] for each in in_the_way if each.remedies))
    raise StackError(
        f"the account does not allow this stack: {'; '.join(parts)}; nothing was created; what fits today: {remedies}"
        f" (deploy.py check{session.flags} shows all of it, --force goes on)"
    )
