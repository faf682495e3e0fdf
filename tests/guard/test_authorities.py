"""Redis and an issuer of tokens whose certificates a private authority has signed."""

from __future__ import annotations

import asyncio
import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from bge_reranker.configuration import load_settings
from bge_reranker.errors import SettingsError
from bge_reranker.guard.authorities import Authorities
from bge_reranker.guard.guard import create_guard
from bge_reranker.guard.redis import SharedRedis, connect
from bge_reranker.guard.redis_observer import RedisUnavailable
from bge_reranker.guard.remote_keys import fetch_from
from tests.guard.observer import Noted
from tests.live.redis_server import RedisServer, redis_server
from tests.store.servers.authority import write_authority

KEYS = '{"keys": []}'
TOKENS = {"jwks_url": "https://127.0.0.1/keys", "jwt_issuer": "i", "jwt_audience": "a"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_authority(tmp_path_factory.mktemp("other"))[0]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory, authority: tuple[Path, Path]) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis"), certificate=authority[1]) as server:
        yield server


@contextmanager
def issuer(certificate: Path) -> Iterator[str]:
    """An address of keys, by TLS."""

    class KeySet(http.server.BaseHTTPRequestHandler):
        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(KEYS.encode())

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), KeySet) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}/keys"
        finally:
            server.shutdown()
            thread.join(20)


def shared_redis(url: str, noted: Noted, **flags: object) -> SharedRedis:
    shared = connect(load_settings(flags={"redis_url": url, "redis_timeout_ms": 1000, **flags}).guard, noted)
    assert shared is not None
    return shared


async def pings(shared: SharedRedis, times: int) -> int:
    answered = 0
    for _ in range(times):
        try:
            await shared.ask("limits", lambda: shared.client.execute_command("PING"))  # type: ignore[no-untyped-call]
            answered += 1
        except RedisUnavailable:
            pass
    return answered


def ping(shared: SharedRedis) -> bool:
    async def run() -> bool:
        try:
            return bool(await pings(shared, 1))
        finally:
            await shared.close()

    return asyncio.run(run())


def test_redis_is_believed_by_the_authority_that_is_named_and_by_no_other(
    redis: RedisServer, authority: tuple[Path, Path], other_authority: Path
) -> None:
    noted = Noted()
    assert ping(shared_redis(redis.url, noted, ca_file=str(authority[0])))
    assert not ping(shared_redis(redis.url, noted, ca_file=str(other_authority)))
    assert not ping(shared_redis(redis.url, noted))
    assert noted.asked == {"ok": 1, "failed": 2}


def test_a_connection_that_takes_longer_than_a_request_waits_is_made_for_the_next_ones(
    redis: RedisServer, authority: tuple[Path, Path]
) -> None:
    # No handshake takes less than a hundredth of a millisecond.
    shared = shared_redis(redis.url, Noted(), ca_file=str(authority[0]), redis_timeout_ms=0.01)

    async def run() -> None:
        assert await pings(shared, 1) == 0
        async with asyncio.timeout(20):
            while not shared._left <= set():
                await asyncio.wait(shared._left)
        assert any(connection.is_connected for connection in shared.pool._available_connections)
        await shared.close()

    asyncio.run(run())


def test_what_goes_on_without_its_request_ends_with_the_process(redis: RedisServer) -> None:
    shared = shared_redis(redis.url, Noted(), redis_timeout_ms=0.01)
    ended = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def run() -> None:
        with pytest.raises(RedisUnavailable):
            await shared.ask("limits", forever)
        assert not ended
        await shared.close()

    asyncio.run(run())
    assert ended


def test_an_issuers_keys_are_fetched_by_the_authority_that_is_named_and_by_no_other(
    authority: tuple[Path, Path], other_authority: Path
) -> None:
    with issuer(authority[1]) as url:
        assert fetch_from(url, str(authority[0]))() == KEYS
        for trusted in (str(other_authority), None):
            with pytest.raises(OSError, match="ConnectError"):
                fetch_from(url, trusted)()


def test_authorities_are_read_again_when_their_file_has_changed_and_the_former_ones_count_while_it_is_broken(
    authority: tuple[Path, Path], other_authority: Path, tmp_path: Path
) -> None:
    file, now = tmp_path / "ca.pem", [0.0]

    def known(content: bytes) -> int:
        file.write_bytes(content)
        now[0] += 2
        return authorities.context().cert_store_stats()["x509_ca"]

    one, other = authority[0].read_bytes(), other_authority.read_bytes()
    file.write_bytes(one)
    authorities = Authorities(str(file), clock=lambda: now[0])
    first = authorities.context()
    assert authorities.context() is first
    assert known(one + other) == 2
    assert known(b"nothing of the kind") == 2
    assert known(other) == 1


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), ("nothing of the kind", "it holds no certificate")]
)
@pytest.mark.parametrize("asked", ["redis", "issuer"])
def test_a_bundle_that_cannot_be_used_stops_the_start(
    tmp_path: Path, content: str | None, words: str, asked: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    flags = {"redis": {"redis_url": "rediss://127.0.0.1:1/0"}, "issuer": TOKENS}[asked]
    settings = load_settings(flags={**flags, "ca_file": str(file)}).guard
    with pytest.raises(SettingsError, match=rf"caFile is .*{words}"):
        create_guard(settings, Noted())


def test_options_of_the_address_say_nothing_of_certificates() -> None:
    with pytest.raises(SettingsError, match="an option of TLS") as raised:
        shared_redis("rediss://127.0.0.1:1/0?ssl_cert_reqs=none", Noted())
    assert "caFile" in raised.value.sentence()
