"""Texts that settings hold: the pattern of each, and the same in words, as every refusal has it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from .address_patterns import HOST_AND_PORT, NETWORK, PORT, USER

MUST_BE: Final = "mustBe"
"""In a declaration's `json_schema_extra`: a pattern in words, as they follow "it must be"."""

IS_ADDRESS: Final = "isAddress"
"""In a declaration's `json_schema_extra`: that a wrong value may hold a password, as what goes before an @, follows a
question mark or a hash, or stands where a port would (even one of digits only), and is then not repeated."""

HOLDS_MORE: Final = "[@?#]|//[^/]*:"
"""What a wrong address has that may hold a password; every refusal looks for it."""


def _like(pattern: str, words: str, max_length: int | None = None, *, is_address: bool = False) -> Any:
    """A text of this pattern."""
    extra: dict[str, Any] = {MUST_BE: words, **({IS_ADDRESS: True} if is_address else {})}
    return Field(pattern=f"^{pattern}$", max_length=max_length, json_schema_extra=extra)


def _list_of(part: str) -> str:
    """The pattern of a list, separated by commas."""
    return f"{part}(, ?{part})*"


_LIST: Final = 4096
"""Most characters of a list."""

_NO_SPACE: Final = r"[^\p{Z}\p{Cc}]+"
_ORIGIN: Final = r"[a-z][a-z0-9+.-]*://[^\p{Z}\p{Cc},/]+"
_PATH: Final = "(/[A-Za-z0-9._~-]+)+"
_CUT_OFF: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}=0*\.[0-9]*[1-9][0-9]*(:[0-9]*\.?[0-9]+)?"
_VALUE: Final = r"[^\p{Z}\p{Cc}&#]*"
_OPTION: Final = rf"(db=[0-9]{{1,5}}|protocol=[23]|client_name={_VALUE}|(?i:password|ssl_[a-z_]+)={_VALUE})"
"""Options of Redis' address that its library takes; `setting_combinations` refuses the last two with reasons."""

_LOOPBACK: Final = rf"(localhost|127[.]0[.]0[.]1|\[::1\])(:({PORT})?)?"
_WEIGHT: Final = r"[^\p{Z}\p{Cc},=]{1,128}=([1-9][0-9]{0,5}(\.[0-9]{1,6})?|0\.[0-9]{0,5}[1-9])"
_HOST: Final = r"[A-Za-z0-9_]([A-Za-z0-9._:-]*[A-Za-z0-9])?"

Device = Annotated[str, _like("(?i:auto|cpu|cuda(:[0-9]{1,3})?)", "auto, cpu, cuda or cuda:N")]
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
    _like(
        rf"(\*|{_list_of(_ORIGIN)})",
        "* or origins such as https://search.example, separated by commas",
        _LIST,
        is_address=True,
    ),
]
Paths = Annotated[
    str,
    _like(_list_of(_PATH), "paths such as /search/reranker without a final slash, separated by commas", _LIST),
]
Redis = Annotated[
    str,
    _like(
        rf"rediss?://{USER}{HOST_AND_PORT}(/([0-9]{{1,5}})?)?(\?{_OPTION}(&{_OPTION})*)?",
        "an address such as redis://host:6379/0, or rediss:// for TLS, with no options but db, protocol and "
        "client_name",
        2048,
        is_address=True,
    ),
]
Claim = Annotated[str, _like(_NO_SPACE, "a text without white space, such as https://issuer.example", 2048)]
KeySetAddress = Annotated[
    str,
    _like(
        rf"(https://{HOST_AND_PORT}|http://{_LOOPBACK})([/?#]({_NO_SPACE})?)?",
        "an https:// address such as https://issuer.example/keys, or http:// on localhost, so that nobody else can "
        "sign tokens",
        2048,
        is_address=True,
    ),
]
Networks = Annotated[str, _like(_list_of(NETWORK), "networks such as 10.0.0.0/8, separated by commas", _LIST)]
CutOffs = Annotated[
    str,
    _like(
        _list_of(_CUT_OFF),
        "name=score or name=score:drift, separated by commas, with scores between 0 and 1",
        _LIST,
    ),
]
Weights = Annotated[str, _like(_list_of(_WEIGHT), "name=weight, separated by commas, with weights above 0", 65_536)]
Hosts = Annotated[str, _like(_list_of(_HOST), "names or addresses of hosts, separated by commas", _LIST)]
Receiver = Annotated[
    str,
    _like(
        rf"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):{PORT}",
        "an address with a port such as http://collector:4317",
        300,
        is_address=True,
    ),
]
