from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from bge_reranker.guard.client_address import ClientAddresses

PROXIES = "10.0.0.0/8, fd00::/8"
CLIENT = "203.0.113.7"


def forwarded_for(*values: str) -> Headers:
    return Headers(raw=[(b"x-forwarded-for", value.encode()) for value in values])


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        ("10.0.0.1", forwarded_for(CLIENT), CLIENT),
        ("10.0.0.1", forwarded_for(f"{CLIENT}, 10.0.0.9"), CLIENT),
        ("10.0.0.1", forwarded_for(CLIENT, "10.0.0.9"), CLIENT),
        ("fd00::1", forwarded_for(CLIENT), CLIENT),
        ("::ffff:10.0.0.1", forwarded_for(CLIENT), CLIENT),
        ("10.0.0.1", forwarded_for(f"{CLIENT}:4711"), CLIENT),
        ("10.0.0.1", forwarded_for("[2001:db8::7]:4711"), "2001:db8::/64"),
        # What a client writes itself stands to the left of what the proxy has seen.
        ("10.0.0.1", forwarded_for(f"192.0.2.1, {CLIENT}"), CLIENT),
        ("10.0.0.1", forwarded_for(f"10.9.9.9, {CLIENT}"), CLIENT),
        # Nobody else is believed.
        (CLIENT, forwarded_for("192.0.2.1"), CLIENT),
        (CLIENT, forwarded_for("192.0.2.1, 10.0.0.1"), CLIENT),
        ("10.0.0.1", Headers({"forwarded": "for=192.0.2.1", "x-real-ip": "192.0.2.1"}), "10.0.0.1"),
        # Nonsense and silence leave the last address that somebody vouches for.
        ("10.0.0.1", Headers({}), "10.0.0.1"),
        ("10.0.0.1", forwarded_for("unknown"), "10.0.0.1"),
        ("10.0.0.1", forwarded_for(f"{CLIENT}, bad"), "10.0.0.1"),
        ("10.0.0.1", forwarded_for(""), "10.0.0.1"),
        ("10.0.0.1", forwarded_for("10.0.0.2, 10.0.0.3"), "10.0.0.2"),
        ("10.0.0.1", forwarded_for(", ".join([CLIENT] + ["10.0.0.2"] * 100)), "10.0.0.2"),
        ("", Headers({}), ""),
        ("unix", forwarded_for(CLIENT), "unix"),
    ],
)
def test_the_client_is_whom_trusted_proxies_name(peer: str, headers: Headers, address: str) -> None:
    assert ClientAddresses(PROXIES, "x-forwarded-for").of(peer, headers) == address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (f"for={CLIENT}", CLIENT),
        (f'For="{CLIENT}:4711";proto=https;by=10.0.0.1', CLIENT),
        ('proto=https; for="[2001:db8::7]:4711"', "2001:db8::/64"),
        (f"for=192.0.2.1, for={CLIENT}", CLIENT),
        (f"for={CLIENT}, for=10.0.0.9", CLIENT),
        ("for=_hidden", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ("by=192.0.2.1;notfor=192.0.2.1", "10.0.0.1"),
        # What is quoted is a text, whatever it looks like.
        (f'proto=http;host="a;for=192.0.2.1";for={CLIENT}', CLIENT),
        (f'host="a,for=192.0.2.1";for={CLIENT}', CLIENT),
        (f'for={CLIENT};host="a, for=192.0.2.1"', CLIENT),
        (f'host="a\\";for=192.0.2.1";for={CLIENT}', CLIENT),
        # One that is never closed may hide what the proxy wrote.
        (f'host="a, for=192.0.2.1;for={CLIENT}', "10.0.0.1"),
    ],
)
def test_the_standard_header_is_read_where_it_was_chosen(value: str, address: str) -> None:
    headers = Headers({"forwarded": value, "x-forwarded-for": "192.0.2.99"})
    assert ClientAddresses(PROXIES, "forwarded").of("10.0.0.1", headers) == address


def test_without_trusted_proxies_only_the_connection_counts() -> None:
    assert ClientAddresses(None, "x-forwarded-for").of("10.0.0.1", forwarded_for(CLIENT)) == "10.0.0.1"


def test_addresses_of_one_network_are_one_client_of_ipv6() -> None:
    addresses = ClientAddresses(None, "x-forwarded-for")
    assert addresses.of("2001:db8::1", Headers({})) == addresses.of("2001:db8::2", Headers({}))
    assert addresses.of("2001:db8:0:1::1", Headers({})) != addresses.of("2001:db8::1", Headers({}))
