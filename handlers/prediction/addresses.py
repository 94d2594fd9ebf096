"""Which addresses a fetch may connect to: public IPv4 only, by a list written out here.

`ipaddress.is_global` is not used: it calls multicast, 6to4 and Azure's 168.63.129.16 global, and differs between
versions of Python.
Source: IANA IPv4 Special-Purpose Address Registry; https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""

import ipaddress

_REFUSED = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a carrier
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host
        "169.254.0.0/16",  # link-local, with the metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved or broadcast
    )
]


def is_public(address: str) -> bool:
    """Tell whether `address` (dotted decimal, as a resolver gives it) may be connected to."""
    try:
        parsed = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return not any(parsed in network for network in _REFUSED)
