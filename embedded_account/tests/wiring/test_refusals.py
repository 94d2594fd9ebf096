"""What is not carried out is refused by name."""

import pytest
from embedded_account.errors import ServiceError
from embedded_account.wiring.refusals import not_carried_out, refuse


def test_refuse_names_the_first_unheeded_member() -> None:
    """The operation, the member and what to do about it are told."""
    with pytest.raises(ServiceError, match=r"CreateModel\.VpcConfig: .* leave it out") as raised:
        refuse("CreateModel", {"ModelName": "m", "VpcConfig": {"Subnets": ["s"]}}, {"ModelName"})

    assert raised.value.code == "NotImplemented"


@pytest.mark.parametrize("value", [None, "", False, [], {}])
def test_refuse_lets_a_member_that_asks_for_nothing_pass(value: object) -> None:
    """An SDK that sends its defaults is not refused for them."""
    refuse("CreateModel", {"ModelName": "m", "VpcConfig": value}, {"ModelName"})


def test_not_carried_out_says_what_to_ask_for_instead() -> None:
    """The message has the form `<what>: <why>; <what to do>`."""
    error = not_carried_out("CompressionType=Gzip", "use None")

    assert error.message == "CompressionType=Gzip: the embedded account does not carry this out; use None"


def test_refuse_holds_a_member_to_the_values_that_are_heeded() -> None:
    """A member that is carried out in part is refused with the values that it takes."""
    heeded = {"Strategy": ("Random", "Grid"), "Name": ()}

    refuse("Tune", {"Strategy": "Grid", "Name": "any"}, heeded)
    with pytest.raises(ServiceError, match=r"Tune\.Strategy: 'Magic': .* it takes 'Random' or 'Grid'"):
        refuse("Tune", {"Strategy": "Magic"}, heeded)
