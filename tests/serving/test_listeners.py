"""Which addresses a listener answers."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
from starlette.responses import PlainTextResponse

from bge_reranker.errors import SettingsError
from bge_reranker.serving.listeners import Listener
from bge_reranker.settings import HttpSettings
from tests.in_ci import lacking


@pytest.fixture
def ipv6() -> None:
    if not socket.has_dualstack_ipv6():
        lacking("IPv6 is off: set net.ipv6.conf.all.disable_ipv6 to 0")


def listener(host: str, port: int = 0) -> Listener:
    return Listener(PlainTextResponse("here"), host, port, "port", HttpSettings(), lambda _error, _status: None)


async def answers(listening: Listener, hosts: list[str]) -> list[str]:
    port = listening.socket.getsockname()[1]
    serving = asyncio.create_task(listening.run_until_stopped())
    async with httpx.AsyncClient() as client:
        urls = [listening.address, *(f"http://{host}:{port}" for host in hosts)]
        texts = [(await client.get(url)).text for url in urls]
    listening.stop()
    await serving
    return texts


@pytest.mark.usefixtures("ipv6")
def test_every_address_is_of_both_families() -> None:
    assert asyncio.run(answers(listener("::"), ["127.0.0.1", "[::1]"])) == ["here"] * 3


def test_every_address_is_of_the_one_family_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    listening = listener("::")
    assert listening.socket.family == socket.AF_INET
    assert asyncio.run(answers(listening, ["127.0.0.1"])) == ["here"] * 2


@pytest.mark.usefixtures("ipv6")
def test_an_address_of_ipv6_is_shown_as_a_url() -> None:
    listening = listener("::1")
    assert listening.address.startswith("http://[::1]:")
    assert asyncio.run(answers(listening, [])) == ["here"]


@pytest.mark.parametrize("host", ["192.0.2.1", "[::1]", "256.1.1.1"])
def test_an_address_of_another_machine_is_refused_without_blaming_the_port(host: str) -> None:
    with pytest.raises(SettingsError) as refused:
        listener(host)
    assert "`::` for all" in refused.value.remedy
    assert "Errno" not in refused.value.message


def test_a_port_that_is_taken_is_said_to_be() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError) as refused:
            listener("127.0.0.1", taken.getsockname()[1])
    assert refused.value.remedy == "Stop what listens there, or choose another port (0 takes a free one)."
