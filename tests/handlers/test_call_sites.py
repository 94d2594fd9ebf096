"""Each AWS call that handlers' code makes meets every kind of fault in some test."""

import pytest

from tests.handlers.call_sites import call_sites
from tests.handlers.cases import CASES, RARE, calls_of, each_kind_is_typed


@pytest.mark.parametrize("name", RARE)
def test_every_fault_of_a_rare_call_is_typed(name, scene, chaos, lambda_context):
    """A fault at any of them ends in one of our classes, or in a result where the handler can do without."""
    case, operations = RARE[name]
    calls = calls_of(case, scene, chaos, lambda_context)
    places = [(at, operation) for at, operation in enumerate(calls) if operation in operations]
    assert len(places) >= len(operations)

    for at, operation in places:
        each_kind_is_typed(case, at, operation, scene, chaos, lambda_context)


def test_no_call_of_the_code_is_left_out(scene, chaos, lambda_context):
    """The calls that the cases of these tests make are those that the handlers' code contains."""
    chaos.sites.clear()
    for case in [*CASES.values(), *(rare.case for rare in RARE.values())]:
        calls_of(case, scene, chaos, lambda_context)

    assert sorted(call_sites() - chaos.sites) == []
