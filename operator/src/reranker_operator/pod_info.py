"""Asking a pod what it says of itself, and believing no more of the answer than its schema lets through.

Owner references can be forged and images can be anybody's, so whoever answers may be hostile: no redirect is followed,
what is read and how long that takes are bounded, and nothing is taken over that is not of the shape below.
"""

from __future__ import annotations

import ipaddress
import math
from http import HTTPStatus
from typing import Annotated, Any, Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from .pods import CutOff, Download, Expected, GateFacts, PodFacts, ShadowFacts

MANAGEMENT_PORT = 8001
"""Port of the scorer's `/info`, and before that of the `/info` of the step that fetches."""

LONGEST_ANSWER_BYTES = 64 * 1024
"""Most that is read of an answer; a scorer's has 2 kB."""

MOST_BYTES = 10**15
"""Most that is believed of a download."""

TIME_LIMIT_S = 2.0
"""Longest a question may take, from the connection to the last byte of the answer."""

MOST_FIGURES = 64
"""Most that is read of a gate's figures, and of its cut-offs."""

_PRINTABLE = r"^\P{C}*$"
"""No control or format character: these words end in a status, and so in a terminal."""

_Name = Annotated[str, StringConstraints(max_length=1024, pattern=_PRINTABLE)]
_Word = Annotated[str, StringConstraints(max_length=64, pattern=_PRINTABLE)]


class _Part(BaseModel):
    """A part of the answer: no type is converted, numbers are finite, and what is not needed is ignored."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


class _Model(_Part):
    name: _Name = ""
    source: _Name = ""
    revision: _Name | None = None
    digest: Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$")] = ""


class _Scorer(_Part):
    precision: _Word = ""
    device: _Word = ""


class _Capacity(_Part):
    tokens_per_second: Annotated[float, Field(ge=0, le=1e12)] = 0.0
    pairs_per_second: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    pair_tokens: Annotated[int, Field(ge=0, le=1_000_000)] = 0


_Milliseconds = Annotated[float, Field(ge=0, le=1e9)]


class _Expected(_Part):
    documents: Annotated[int, Field(ge=1, le=1_000_000)]
    pair_tokens: Annotated[int, Field(ge=1, le=1_000_000)]
    p95_objective_ms: _Milliseconds
    requests_per_second: Annotated[float, Field(ge=0, le=1e9)]
    p50_ms: _Milliseconds
    p95_ms: _Milliseconds
    p99_ms: _Milliseconds


class _CutOff(_Part):
    name: _Word
    score: float
    equivalent: float | None = None


class _Gate(_Part):
    hash: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    verdict: Literal["passed", "failed", "carried"]
    figures: Annotated[dict[_Word, Any], Field(max_length=MOST_FIGURES)] = {}
    cut_offs: Annotated[list[_CutOff], Field(max_length=MOST_FIGURES)] = []
    reference_digest: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None


class _Shadow(_Part):
    digest: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    comparisons: Annotated[int, Field(ge=0, le=10**15)] = 0
    orders: Annotated[int, Field(ge=0, le=10**15)] = 0
    # A mean of rounded numbers may end a hair beyond its bounds.
    kendall_tau: Annotated[float, Field(ge=-1.001, le=1.001)] | None = None
    score_drift: Annotated[float, Field(ge=0, le=1.001)] | None = None


class _Fetch(_Part):
    # Larger numbers are cut rather than refused: the image may say what it likes.
    bytes_done: Annotated[int, Field(ge=0)]
    bytes_total: Annotated[int, Field(ge=0)] | None = None


class _Fetching(_Part):
    fetch: _Fetch


class _Info(_Part):
    model: _Model | None = None
    scorer: _Scorer = _Scorer()
    capacity: _Capacity = _Capacity()
    expected: _Expected | None = None
    gate: _Gate | None = None
    shadow: _Shadow | None = None


def session(limit_s: float = TIME_LIMIT_S) -> aiohttp.ClientSession:
    """A session for questions to pods: nothing that one of them sends reaches another, or outlives its answer."""
    return aiohttp.ClientSession(
        # A compressed answer would be read before its size is known.
        auto_decompress=False,
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(force_close=True),
        timeout=aiohttp.ClientTimeout(total=limit_s),
    )


async def ask(http: aiohttp.ClientSession, address: str, port: int = MANAGEMENT_PORT) -> PodFacts | None:
    """What the pod at an address says; None if it cannot be reached, has no model yet, or says what no scorer says.

    Args:
        http: From `session`.
        address: Of the pod; an IP address.
        port: Of its management listener.
    """
    try:
        answer = await _get(http, address, port, "/info")
        return None if answer is None else facts_of(answer)
    except ValueError:
        return None


async def download(http: aiohttp.ClientSession, address: str, port: int = MANAGEMENT_PORT) -> Download | None:
    """How far the step of the pod that fetches is; None if it does not say.

    Args:
        http: From `session`.
        address: Of the pod; an IP address.
        port: Where the step answers.
    """
    answer = await _get(http, address, port, "/info")
    try:
        fetch = None if answer is None else _Fetching.model_validate_json(answer).fetch
    except ValueError:
        return None
    if fetch is None:
        return None
    return Download(min(fetch.bytes_done, MOST_BYTES), min(fetch.bytes_total or 0, MOST_BYTES))


def facts_of(answer: bytes) -> PodFacts | None:
    """Read the text of `/info`; None while there is no model.

    Raises:
        ValueError: It is not the answer of a scorer.
    """
    info = _Info.model_validate_json(answer)
    if info.model is None:
        return None
    return PodFacts(
        name=info.model.name,
        source=info.model.source,
        revision=info.model.revision or "",
        digest=info.model.digest,
        precision=info.scorer.precision,
        device=info.scorer.device,
        pairs_per_second=info.capacity.pairs_per_second,
        pair_tokens=info.capacity.pair_tokens,
        tokens_per_second=info.capacity.tokens_per_second,
        gate=_gate(info.gate) if info.gate is not None else None,
        expected=Expected(**info.expected.model_dump()) if info.expected is not None else None,
        shadow=ShadowFacts(**info.shadow.model_dump()) if info.shadow is not None else None,
    )


def _gate(gate: _Gate) -> GateFacts:
    """The verdict; of its figures those that are single numbers."""
    numbers = [
        (name, value) for name, value in gate.figures.items() if type(value) in {int, float} and math.isfinite(value)
    ]
    return GateFacts(
        hash=gate.hash,
        verdict=gate.verdict,
        figures=tuple(sorted((name, float(value)) for name, value in numbers)),
        cut_offs=tuple(CutOff(each.name, each.score, each.equivalent) for each in gate.cut_offs),
        reference_digest=gate.reference_digest or "",
    )


async def _get(http: aiohttp.ClientSession, address: str, port: int, path: str) -> bytes | None:
    """What is answered with 200; None if nothing is, or too much."""
    try:
        async with http.get(f"http://{_host(address)}:{port}{path}", allow_redirects=False) as response:
            return await _read(response) if response.status == HTTPStatus.OK else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The whole answer; None if it is too long, and then no more of it is read."""
    answer = bytearray()
    async for some in response.content.iter_any():
        answer += some
        if len(answer) > LONGEST_ANSWER_BYTES:
            response.close()
            return None
    return bytes(answer)


def _host(address: str) -> str:
    """An address as a URL has it.

    Raises:
        ValueError: It is no IP address.
    """
    ip = ipaddress.ip_address(address)
    return f"[{ip}]" if isinstance(ip, ipaddress.IPv6Address) else str(ip)
