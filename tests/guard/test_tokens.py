"""Tokens: which open, and every way in which one might pass that must not. Keys are made here."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from typing_extensions import override

from bge_reranker.errors import SettingsError, Unauthenticated
from bge_reranker.guard.caller import Caller
from bge_reranker.guard.token_keys import TokenKey, TokenKeys, read_jwks, read_secrets
from bge_reranker.guard.tokens import Tokens, TokenTerms

ISSUER, AUDIENCE = "https://issuer.example", "bge-reranker"
SECRET = "a-secret-of-two-sides-with-32-bytes-or-more"
RSA_KEY, OTHER_RSA_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))
EC_KEY = ec.generate_private_key(ec.SECP256R1())
TERMS = TokenTerms(ISSUER, AUDIENCE, 30.0)


def jwk(key: Any, kid: str | None, **members: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    named = {} if kid is None else {"kid": kid}
    return {**json.loads(algorithm.to_jwk(key.public_key())), **named, **members}


def jwks(*entries: Any) -> str:
    return json.dumps({"keys": list(entries)})


JWKS = jwks(jwk(RSA_KEY, "r1"), jwk(EC_KEY, "e1", use="sig", alg="ES256"))


def claims(**changed: Any) -> dict[str, Any]:
    whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": "search", "exp": time.time() + 60, **changed}
    return {name: value for name, value in whole.items() if value is not None}


def token(key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "r1", **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers={} if kid is None else {"kid": kid})


def hand_made(header: dict[str, Any], sign: Callable[[bytes], bytes], **changed: Any) -> str:
    """A token that no library would make."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims(**changed)).encode())}"
    return f"{signed}.{part(sign(signed.encode()))}"


def identify(credential: str, jwks_text: str = JWKS, secrets: str | None = SECRET) -> Caller | None:
    local = [lambda: read_jwks(jwks_text, "f")]
    if secrets is not None:
        local.append(lambda: read_secrets(secrets, "f"))
    return asyncio.run(Tokens(TERMS, tuple(local)).identify(credential))


def refused(credential: str, **known: Any) -> str:
    with pytest.raises(Unauthenticated) as raised:
        identify(credential, **known)
    assert credential not in raised.value.sentence()
    return raised.value.message


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA_KEY, "RS256", "r1"),
        (RSA_KEY, "RS256", None),
        (EC_KEY, "ES256", "e1"),
        (SECRET, "HS256", None),
        (SECRET, "HS256", "any"),
    ],
)
def test_a_token_of_each_algorithm_names_its_caller(key: Any, algorithm: str, kid: str | None) -> None:
    assert identify(token(key, algorithm, kid)) == Caller("search", "token", frozenset({"rerank"}))


@pytest.mark.parametrize(
    ("changed", "scopes"),
    [
        ({"scope": "openid rerank metrics"}, {"rerank", "metrics"}),
        ({"scp": ["admin", "rerank", 7]}, {"admin", "rerank"}),
        ({"scope": "openid"}, set()),
        ({"scope": ""}, set()),
        ({"scope": 7}, set()),
    ],
)
def test_a_token_that_speaks_of_scopes_has_those_and_no_others(changed: dict[str, Any], scopes: set[str]) -> None:
    caller = identify(token(**changed))
    assert caller is not None
    assert caller.scopes == scopes


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"sub": None, "client_id": "batch"}, "batch"),
        ({"sub": "", "azp": "app"}, "app"),
        ({"sub": "a\x1bb"}, "a\\x1bb"),
    ],
)
def test_a_caller_is_named_by_the_first_claim_that_names_one(changed: dict[str, Any], name: str) -> None:
    caller = identify(token(**changed))
    assert caller is not None
    assert caller.name == name


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"exp": time.time() - 31}, "has expired"),
        ({"exp": None}, "no claim `exp`"),
        ({"nbf": time.time() + 86_400}, "not valid yet"),
        ({"iss": "https://other.example"}, "another issuer"),
        ({"iss": None}, "no claim `iss`"),
        ({"aud": "billing"}, "another audience"),
        ({"aud": None}, "no claim `aud`"),
        ({"sub": None}, "names nobody"),
        ({"sub": "x" * 257}, "names nobody"),
    ],
)
def test_a_token_that_says_the_wrong_thing_is_refused(changed: dict[str, Any], words: str) -> None:
    assert words in refused(token(**changed))


def test_clocks_may_differ_by_the_skew() -> None:
    assert identify(token(exp=time.time() - 20)) is not None
    assert identify(token(nbf=time.time() + 20)) is not None


def test_one_of_several_audiences_will_do() -> None:
    assert identify(token(aud=["billing", AUDIENCE])) is not None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS512", "RS512", "PS256", "EdDSA"])
def test_no_other_algorithm_is_taken_least_of_all_none(algorithm: str) -> None:
    forged = hand_made({"alg": algorithm, "kid": "r1"}, lambda _: b"")
    assert "does not take" in refused(forged)


def test_a_header_without_an_algorithm_is_refused() -> None:
    assert "does not take" in refused(hand_made({"kid": "r1"}, lambda _: b""))


@pytest.mark.parametrize("kid", ["r1", None, "any"])
def test_a_public_key_is_no_secret_to_sign_with(kid: str | None) -> None:
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256"} | ({} if kid is None else {"kid": kid})
    forged = hand_made(header, lambda signed: hmac.new(public, signed, sha256).digest())
    assert "not signed by a known key" in refused(forged)
    assert "not signed by a known key" in refused(forged, secrets=None)


def test_a_key_of_one_algorithm_verifies_no_token_of_another() -> None:
    mixed = jwt.encode(claims(), EC_KEY, algorithm="ES256", headers={"kid": "r1"})
    assert "not signed by a known key" in refused(mixed)


@pytest.mark.parametrize(
    "header", [{"jwk": jwk(OTHER_RSA_KEY, "r1")}, {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "http://127.0.0.1:1/c"}]
)
def test_a_token_does_not_bring_its_own_key(header: dict[str, Any]) -> None:
    forged = jwt.encode(claims(), OTHER_RSA_KEY, algorithm="RS256", headers={"kid": "r1", **header})
    assert "not signed by a known key" in refused(forged)


def test_a_token_that_was_changed_is_refused() -> None:
    head, _, signature = token().split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims(sub="root")).encode()).rstrip(b"=").decode()
    assert "not signed by a known key" in refused(f"{head}.{payload}.{signature}")
    assert "not signed by a known key" in refused(token(OTHER_RSA_KEY))


@pytest.mark.parametrize("credential", ["an-api-key", "a.b.c", "..", "eyJ.eyJ", "a." * 20_000, "ä.ö.ü", "W10.W10.W10"])
def test_what_is_no_token_is_left_to_others(credential: str) -> None:
    assert identify(credential) is None


@pytest.mark.parametrize("payload", ["W10", "bnVsbA", "ISE", ""])
def test_claims_that_are_no_object_are_refused(payload: str) -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
    signed = f"{header}.{payload}"
    signature = base64.urlsafe_b64encode(hmac.new(SECRET.encode(), signed.encode(), sha256).digest()).rstrip(b"=")
    assert "malformed" in refused(f"{signed}.{signature.decode()}")


def test_old_and_new_secrets_stand_side_by_side_while_they_are_rotated() -> None:
    both = f"# since May\n{'n' * 40}\n{SECRET}\n"
    assert identify(token(SECRET, "HS256", None), secrets=both) is not None
    assert identify(token("n" * 40, "HS256", None), secrets=both) is not None


@pytest.mark.parametrize("text", ["", "# none\n", "x" * 31])
def test_secrets_that_could_be_guessed_are_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        read_secrets(text, "f")


SHORT_RSA_KEY = rsa.generate_private_key(65537, 1024)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "{" * 100_000,
        jwks(),
        jwks(7, None, {"kty": "RSA"}, {"kty": ["RSA"]}),
        jwks({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "r1"}),
        jwks(jwk(SHORT_RSA_KEY, "r1")),
        jwks(jwk(RSA_KEY, "r1", use="enc")),
        jwks(jwk(RSA_KEY, "r1", alg="RS512")),
        jwks(jwk(RSA_KEY, None) | {"kid": 7}),
        jwks(jwk(ec.generate_private_key(ec.SECP384R1()), "e1")),
    ],
    ids=lambda text: text[:40],
)
def test_a_key_set_without_a_key_that_can_be_used_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        read_jwks(text, "f")


class CountedKeys(TokenKeys):
    """Keys that know how often they were looked for."""

    asked = 0

    @override
    def fitting(self, algorithm: str, identifier: str | None) -> list[TokenKey]:
        self.asked += 1
        return super().fitting(algorithm, identifier)


def test_a_token_is_verified_once_while_it_is_valid() -> None:
    keys, now, credential = CountedKeys(read_jwks(JWKS, "f").keys), [time.time()], token()
    tokens = Tokens(TERMS, (lambda: keys,), clock=lambda: now[0])

    def opens() -> bool:
        return asyncio.run(tokens.identify(credential)) is not None

    assert [opens() for _ in range(3)] == [True] * 3
    assert keys.asked == 1
    now[0] += 60 + TERMS.skew_s
    assert opens()
    assert keys.asked == 2


def test_a_token_that_has_opened_opens_no_more_once_its_key_is_gone() -> None:
    known, credential = [read_jwks(JWKS, "f")], token()
    tokens = Tokens(TERMS, (lambda: known[0],))
    assert asyncio.run(tokens.identify(credential)) is not None
    known[0] = read_jwks(jwks(jwk(OTHER_RSA_KEY, "r1")), "f")
    with pytest.raises(Unauthenticated, match="not signed by a known key"):
        asyncio.run(tokens.identify(credential))


def test_every_secret_of_a_file_opens() -> None:
    secrets = [f"{SECRET}-{number}" for number in range(12)]
    text = "\n".join(secrets)
    assert all(identify(token(secret, "HS256", None), secrets=text) is not None for secret in secrets)


@pytest.mark.parametrize("kid", ["r1", None, "nobody-s"])
def test_a_token_of_a_strange_key_is_refused_by_the_code_of_all_that_do_not_open(kid: str | None) -> None:
    with pytest.raises(Unauthenticated) as raised:
        identify(token(rsa.generate_private_key(65537, 2048), kid=kid))
    assert raised.value.code == "Unauthenticated"
    assert "not signed by a known key" in raised.value.message


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_from_beyond_all_calendars_is_refused(claim: str) -> None:
    changed: dict[str, Any] = {claim: 10**400}
    assert "token" in refused(token(**changed))


def test_a_token_may_never_expire() -> None:
    assert identify(token(exp=10**400)) is not None
