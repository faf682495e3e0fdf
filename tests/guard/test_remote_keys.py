"""The keys at an issuer's address: fetched when they are needed, kept while it is away, never waited for long."""

from __future__ import annotations

import asyncio
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from bge_reranker.errors import TokenKeysUnavailable, Unauthenticated
from bge_reranker.guard.remote_keys import MAX_AGE_S, PAUSE_S, REFRESH_S, RemoteKeys, fetch_from
from bge_reranker.guard.token_keys import read_jwks
from bge_reranker.guard.tokens import Tokens

from .observer import Noted
from .test_tokens import JWKS, OTHER_RSA_KEY, RSA_KEY, TERMS, jwk, jwks, token


class Issuer:
    """An address of keys, which may be away; and the time."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.fetches = 0
        self.now = 1000.0
        self.noted = Noted()
        self.keys = RemoteKeys(self._fetch, "jwksUrl", self.noted, clock=lambda: self.now)
        self.tokens = Tokens(TERMS, (), self.keys)

    def _fetch(self) -> str:
        self.fetches += 1
        if self.text is None:
            raise OSError
        return self.text

    async def opens(self, credential: str) -> bool:
        try:
            return await self.tokens.identify(credential) is not None
        except Unauthenticated:
            return False


def test_a_token_that_has_opened_opens_no_more_once_its_issuer_has_taken_the_key_back() -> None:
    async def run() -> None:
        issuer, credential = Issuer(JWKS), token()
        assert await issuer.opens(credential)
        issuer.text = jwks(jwk(OTHER_RSA_KEY, "r2"))
        issuer.now += REFRESH_S + 1
        assert await issuer.opens(credential)
        await asyncio.wait({issuer.keys._task} if issuer.keys._task else set())
        assert not await issuer.opens(credential)

    asyncio.run(run())


def test_keys_are_fetched_with_the_first_token_and_again_after_minutes() -> None:
    async def run() -> None:
        issuer = Issuer(JWKS)
        assert [await issuer.opens(token()) for _ in range(3)] == [True] * 3
        assert issuer.fetches == 1
        issuer.now += REFRESH_S + 1
        assert await issuer.opens(token())
        await asyncio.wait({issuer.keys._task} if issuer.keys._task else set())
        assert issuer.fetches == 2

    asyncio.run(run())


def test_the_log_says_how_a_fetch_failed_and_not_from_where() -> None:
    keys = RemoteKeys(fetch_from("https://user:hush@127.0.0.1:9/keys"), "jwksUrl", Noted())
    with capture_logs() as logs, pytest.raises(TokenKeysUnavailable):
        asyncio.run(keys.current())
    (failed,) = [each for each in logs if each["event"] == "token_keys_not_fetched"]
    assert failed["reason"] == "ConnectError"
    assert "hush" not in str(logs)


def test_a_token_of_a_key_that_was_just_published_opens() -> None:
    async def run() -> None:
        issuer = Issuer(JWKS)
        assert await issuer.opens(token())
        issuer.text = jwks(jwk(OTHER_RSA_KEY, "r2"))
        issuer.now += PAUSE_S
        assert await issuer.opens(token(OTHER_RSA_KEY, kid="r2"))
        assert not await issuer.opens(token())

    asyncio.run(run())


def test_keys_without_names_are_all_tried_wherever_they_are_and_fetched_again_where_none_fits() -> None:
    async def run() -> None:
        issuer = Issuer(jwks(jwk(RSA_KEY, None)))
        local = read_jwks(jwks(jwk(OTHER_RSA_KEY, None)), "jwksFile")
        issuer.tokens = Tokens(TERMS, (lambda: local,), issuer.keys)
        assert await issuer.opens(token(OTHER_RSA_KEY, kid=None))
        assert await issuer.opens(token(kid=None))
        newest = rsa.generate_private_key(65537, 2048)
        assert not await issuer.opens(token(newest, kid=None))
        issuer.text, issuer.now = jwks(jwk(newest, None)), issuer.now + PAUSE_S
        assert await issuer.opens(token(newest, kid=None))

    asyncio.run(run())


def test_an_issuer_that_answers_byte_by_byte_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bge_reranker.guard.remote_keys._WHOLE_FETCH_S", 0.01)

    async def run() -> None:
        issuer, let_go = Issuer(JWKS), threading.Event()
        issuer.keys._fetch = lambda: str(let_go.wait())
        with capture_logs() as logs, pytest.raises(TokenKeysUnavailable):
            await issuer.opens(token())
        assert [each["reason"] for each in logs if each["event"] == "token_keys_not_fetched"] == ["TimeoutError"]
        issuer.keys._fetch = issuer._fetch
        issuer.now += PAUSE_S
        assert await issuer.opens(token())
        let_go.set()

    asyncio.run(run())


def test_tokens_of_made_up_keys_cause_one_fetch_in_a_while() -> None:
    async def run() -> None:
        issuer = Issuer(JWKS)
        for number in range(50):
            assert not await issuer.opens(token(kid=f"x{number}"))
        assert issuer.fetches == 1
        issuer.now += PAUSE_S
        for number in range(50):
            assert not await issuer.opens(token(kid=f"y{number}"))
        assert issuer.fetches == 2

    asyncio.run(run())


def test_without_the_issuer_from_the_start_tokens_are_told_when_to_come_back() -> None:
    async def run() -> None:
        issuer = Issuer(None)
        for _ in range(5):
            with pytest.raises(TokenKeysUnavailable) as raised:
                await issuer.opens(token())
            assert raised.value.status == 503
            assert raised.value.retry_after_s == PAUSE_S
        assert (issuer.fetches, issuer.noted.read) == (1, {"jwks_url failed": 1})
        issuer.text, issuer.now = JWKS, issuer.now + PAUSE_S
        assert await issuer.opens(token())

    asyncio.run(run())


@pytest.mark.parametrize("text", [None, "<html>", jwks()])
def test_known_keys_count_for_a_day_while_the_issuer_is_away(text: str | None) -> None:
    async def run() -> None:
        issuer = Issuer(JWKS)
        assert await issuer.opens(token())
        issuer.text = text
        issuer.now += MAX_AGE_S - 1
        assert await issuer.opens(token())
        issuer.now += PAUSE_S + 2
        with pytest.raises(TokenKeysUnavailable):
            await issuer.opens(token())

    asyncio.run(run())
