"""The routes about tokens, as the OpenAPI document describes them; `tokens` answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .schema import FLAG, INDEX, LABEL, TEXT, TEXTS, Schema, fields_of, list_of

MOST_CHARACTERS: Final = 500_000
"""Most characters of the texts of a request for tokens, far beyond any model's window: a token takes some 700 bytes
until it is written."""

_TOKEN_LIST: Final = list_of(INDEX)
_ID_LIST: Final[Schema] = {"type": "array", "items": {**INDEX, "maximum": 2**31 - 1}, "minItems": 1}
_ONE_OR_MANY: Final[Schema] = {"anyOf": [TEXT, TEXTS]}

TOKEN_ROUTES: Final[Mapping[str, tuple[str, Schema, Schema, dict[str, Any]]]] = {
    "/tokenize": (
        f"Tokens of texts, {MOST_CHARACTERS} characters in all at most (TEI)",
        fields_of({"inputs": _ONE_OR_MANY}, {"add_special_tokens": FLAG, "model": LABEL}),
        list_of(list_of(fields_of({"id": INDEX, "text": TEXT, "special": {"type": "boolean"}}))),
        {"inputs": "What is Deep Learning?"},
    ),
    "/decode": (
        "Texts of tokens (TEI)",
        fields_of(
            {"ids": {"anyOf": [_ID_LIST, {"type": "array", "items": {**_ID_LIST, "minItems": 0}, "minItems": 1}]}},
            {"skip_special_tokens": FLAG, "model": LABEL},
        ),
        list_of(TEXT),
        {"ids": [0, 4, 2]},
    ),
    "/v3/tokenize": (
        f"Tokens of texts, {MOST_CHARACTERS} characters in all at most (OpenVINO Model Server)",
        fields_of({"text": _ONE_OR_MANY}, {"add_special_tokens": FLAG, "model": LABEL}),
        fields_of({"tokens": {"anyOf": [_TOKEN_LIST, list_of(_TOKEN_LIST)]}}),
        {"text": "What is Deep Learning?"},
    ),
}
"""Path to summary, what it takes, what it gives, and an example."""
