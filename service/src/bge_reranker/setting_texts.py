"""Texts that settings hold: the pattern of each, and the same in words, as every refusal has it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

MUST_BE: Final = "mustBe"
"""In a declaration's `json_schema_extra`: a pattern in words, as they follow "it must be"."""


def _like(pattern: str, words: str, max_length: int | None = None) -> Any:
    """A text of this pattern."""
    return Field(pattern=f"^{pattern}$", max_length=max_length, json_schema_extra={MUST_BE: words})


def _list_of(part: str) -> str:
    """The pattern of a list, separated by commas."""
    return f"{part}(, ?{part})*"


_LIST: Final = 4096
"""Most characters of a list."""

_NO_SPACE: Final = r"[^\p{Z}\p{Cc}]+"
_ORIGIN: Final = r"[a-z][a-z0-9+.-]*://[^\p{Z}\p{Cc},/]+"
_PATH: Final = "(/[A-Za-z0-9._~-]+)+"
_CUT_OFF: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}=[0-9]*\.?[0-9]+(:[0-9]*\.?[0-9]+)?"
_WEIGHT: Final = r"[^\p{Z}\p{Cc},=]{1,128}=([1-9][0-9]{0,5}(\.[0-9]{1,6})?|0\.[0-9]{0,5}[1-9])"
_HOST: Final = r"[A-Za-z0-9_]([A-Za-z0-9._:-]*[A-Za-z0-9])?"

Device = Annotated[str, _like("(auto|cpu|cuda(:[0-9]{1,3})?)", "auto, cpu, cuda or cuda:N")]
Revision = Annotated[
    str,
    _like(
        "[A-Za-z0-9_][A-Za-z0-9_./-]*",
        "a name of letters, digits, dashes, underscores, dots and slashes that begins with a letter, digit or "
        "underscore",
        200,
    ),
]
Digest = Annotated[str, _like("[0-9a-f]{64}", "a SHA-256 of 64 hexadecimal digits in lower case")]
Origins = Annotated[
    str,
    _like(rf"(\*|{_list_of(_ORIGIN)})", "* or origins such as https://search.example, separated by commas", _LIST),
]
Paths = Annotated[
    str,
    _like(_list_of(_PATH), "paths such as /search/reranker without a final slash, separated by commas", _LIST),
]
Redis = Annotated[
    str, _like(f"rediss?://{_NO_SPACE}", "an address such as redis://host:6379/0, or rediss:// for TLS", 2048)
]
Claim = Annotated[str, _like(_NO_SPACE, "a text without white space, such as https://issuer.example", 2048)]
KeySetAddress = Annotated[str, _like(f"https?://{_NO_SPACE}", "an address such as https://issuer.example/keys", 2048)]
Networks = Annotated[str, _like("[0-9A-Fa-f.:/, ]+", "networks such as 10.0.0.0/8, separated by commas", _LIST)]
CutOffs = Annotated[str, _like(_list_of(_CUT_OFF), "name=score or name=score:drift, separated by commas", _LIST)]
Weights = Annotated[str, _like(_list_of(_WEIGHT), "name=weight, separated by commas, with weights above 0", 65_536)]
Hosts = Annotated[str, _like(_list_of(_HOST), "names or addresses of hosts, separated by commas", _LIST)]
Receiver = Annotated[
    str,
    _like(
        r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}",
        "an address with a port such as http://collector:4317",
        300,
    ),
]
