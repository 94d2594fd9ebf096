"""Which addresses a fetch may connect to."""

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest

from handlers.prediction.addresses import is_public

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "ssrf-addresses"


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "223.255.255.1"]
)
def test_public_addresses_are_let_through(address: str) -> None:
    """An ordinary server on the internet may be fetched from."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "224.0.0.1",
        "168.63.129.16",
        "192.88.99.1",
        "255.255.255.255",
        "0.0.0.0",  # noqa: S104
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    """Loopback, metadata services, private, multicast and relay addresses are never connected to."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2606:4700::1111", "localhost", "", "1.2.3"]
)
def test_anything_but_dotted_ipv4_is_refused(address: str) -> None:
    """IPv6 has too many ways of writing an IPv4 address inside, so none is used."""
    assert not is_public(address)


def corpus() -> list[dict[str, Any]]:
    files = sorted(CORPUS.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpora are not in this checkout")
def test_every_address_and_network_of_the_corpus_is_refused() -> None:
    """The first, the middle and the last address of each network that others found worth refusing."""
    rows = corpus()

    let_through = []
    for row in rows:
        network = ipaddress.ip_network(row.get("cidr") or row["ip"], strict=False)
        samples = {network[0], network[network.num_addresses // 2], network[-1]}
        let_through += [str(address) for address in samples if is_public(str(address))]

    assert len(rows) >= 47
    assert let_through == []
