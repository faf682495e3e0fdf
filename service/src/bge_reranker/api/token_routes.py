"""The routes about tokens: what each takes and gives; `tokens` answers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from ..errors import InvalidField
from .fields import Body, Flag, Listed, Model, TextOrTexts
from .schema import INDEX, TEXT, Schema, fields_of, list_of

MOST_CHARACTERS: Final = 500_000
"""Most characters of the texts of a request for tokens, far beyond any model's window: a token takes some 700 bytes
until it is written."""

_LARGEST_ID: Final = 2**31
"""Above every vocabulary."""

_ID_LIST: Final[Schema] = {"type": "array", "items": {**INDEX, "maximum": _LARGEST_ID - 1}, "minItems": 1}
_TOKEN_LIST: Final = list_of(INDEX)


class _IdLists(Listed[list[list[int]]]):
    """Token ids, or a list of such lists."""

    item_name = "id"

    @override
    def read(self, body: Body, value: Any) -> list[list[int]]:
        items = self.items(body, value)
        return [_ids(numbers) for numbers in (items if isinstance(items[0], list) else [items])]

    @override
    def schema(self) -> Schema:
        return {"anyOf": [_ID_LIST, {"type": "array", "items": {**_ID_LIST, "minItems": 0}, "minItems": 1}]}


def _ids(numbers: Any) -> list[int]:
    if isinstance(numbers, list) and all(type(number) is int and 0 <= number < _LARGEST_ID for number in numbers):
        return numbers
    raise InvalidField("`ids` must be a list of token ids, or a list of such lists.")


class TokenizeBody(Body):
    """What TEI's `/tokenize` takes."""

    inputs = TextOrTexts()
    add_special_tokens = Flag(default=True)
    model = Model()


class TokenizeV3Body(Body):
    """What OpenVINO Model Server's `/v3/tokenize` takes."""

    text = TextOrTexts()
    add_special_tokens = Flag(default=True)
    model = Model()


class DecodeBody(Body):
    """What TEI's `/decode` takes."""

    ids = _IdLists()
    skip_special_tokens = Flag(default=True)
    model = Model()


@dataclass(frozen=True, slots=True)
class TokenRoute:
    """One route."""

    dialect: str
    """In whose style its errors are said."""

    summary: str
    body: type[Body]
    answer: Schema
    example: Mapping[str, Any]


TOKEN_ROUTES: Final[Mapping[str, TokenRoute]] = {
    "/tokenize": TokenRoute(
        "tei",
        f"Tokens of texts, {MOST_CHARACTERS} characters in all at most (TEI)",
        TokenizeBody,
        list_of(list_of(fields_of({"id": INDEX, "text": TEXT, "special": {"type": "boolean"}}))),
        {"inputs": "What is Deep Learning?"},
    ),
    "/decode": TokenRoute("tei", "Texts of tokens (TEI)", DecodeBody, list_of(TEXT), {"ids": [0, 4, 2]}),
    "/v3/tokenize": TokenRoute(
        "ovms",
        f"Tokens of texts, {MOST_CHARACTERS} characters in all at most (OpenVINO Model Server)",
        TokenizeV3Body,
        fields_of({"tokens": {"anyOf": [_TOKEN_LIST, list_of(_TOKEN_LIST)]}}),
        {"text": "What is Deep Learning?"},
    ),
}
"""Every route by its path."""
