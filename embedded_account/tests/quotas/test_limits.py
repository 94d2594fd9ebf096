"""What accounts of each kind may use."""

import re

import pytest
from embedded_account.quotas.limits import (
    ALL_TRAINING,
    ENDPOINT,
    TRAINING,
    AccountKind,
    lambda_concurrency,
    quota_name,
    quotas_of,
)


def test_a_new_account_has_none_of_most_types() -> None:
    """Of each hundred instance types ninety have a quota of 0."""
    values = [quota.value for name, quota in quotas_of(AccountKind.NEW).items() if name.startswith("ml.")]

    assert values.count(0.0) > 0.9 * len(values)
    assert any(values)


def test_a_new_account_can_train_a_little() -> None:
    """Something is there to begin with, within the quota over all training jobs."""
    quotas = quotas_of(AccountKind.NEW)

    assert 0 < quotas[quota_name("ml.m5.large", TRAINING)].value <= quotas[ALL_TRAINING].value


def test_training_and_endpoints_are_counted_apart() -> None:
    """What may train may not serve by that alone."""
    quotas = quotas_of(AccountKind.NEW)

    assert quotas[quota_name("ml.m5.large", ENDPOINT)].value == 0


@pytest.mark.parametrize(("kind", "expected"), [(AccountKind.SETTLED, 1000), (AccountKind.NEW, 10)])
def test_lambda_concurrency_is_by_kind(kind: AccountKind, expected: int) -> None:
    """Source: Lambda quotas (1,000), and what new accounts report (10)."""
    assert lambda_concurrency(kind) == expected


@pytest.mark.parametrize("kind", list(AccountKind))
def test_codes_are_unique_and_of_awss_form(kind: AccountKind) -> None:
    """A quota can be asked for by its code."""
    codes = [quota.code for quota in quotas_of(kind).values()]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"L-[0-9A-F]{8}", code) for code in codes)
