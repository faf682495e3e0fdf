"""Tokens of single texts: `/tokenize` and `/decode` as TEI has them, `/v3/tokenize` as OpenVINO Model Server does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..errors import InvalidField, RerankerError, UnknownModel
from ..guard.api_keys import ApiKeys
from ..serving.state import ServingState
from ..settings import Settings
from ..text.vocabulary import Token, Vocabulary
from .body import Bodies
from .error_table import ErrorStyle
from .fields import Fields
from .model_names import model_name
from .record import record_of
from .rerank import Handler
from .responses import json_response, refused
from .token_routes import MOST_CHARACTERS

_LARGEST_ID = 2**31
"""Above every vocabulary."""

Answer = Callable[[Vocabulary, Fields], Any]


@dataclass(frozen=True, slots=True)
class TokenEndpoints:
    """Answers about tokens.

    Args:
        state: Whose vocabulary is asked.
        settings: Limits of texts, and how strict names are.
        keys: Of which a request must bring one, if there are any.
        bodies: Of all requests.
        executor: Where texts are tokenised; a large one takes long.
    """

    state: ServingState
    settings: Settings
    keys: ApiKeys
    bodies: Bodies
    executor: Executor

    @property
    def tokenize(self) -> Handler:
        """TEI's `/tokenize`."""
        return self._handler(_tei_tokens, "tei")

    @property
    def decode(self) -> Handler:
        """TEI's `/decode`."""
        return self._handler(_tei_texts, "tei")

    @property
    def tokenize_v3(self) -> Handler:
        """OpenVINO Model Server's `/v3/tokenize`."""
        return self._handler(_ovms_tokens, "ovms")

    def _handler(self, answer: Answer, dialect: str) -> Handler:
        async def handle(request: Request) -> Response:
            loop, record = asyncio.get_running_loop(), record_of(request)
            record.style = ErrorStyle(dialect=dialect)
            try:
                record.key = self.keys.check(request.headers)
                model = self.state.require_model()
                vocabulary = model.ranker.encoder.vocabulary
                if vocabulary is None:
                    raise UnknownModel("The served model has no vocabulary to ask.")
                body = await self.bodies.read(request)
                model_name(body.get("model"), model.name, is_strict=self.settings.dialects.strict_model_names)
                fields = Fields(body, self.settings.http.max_documents)
                answered = await loop.run_in_executor(self.executor, lambda: orjson.dumps(answer(vocabulary, fields)))
                return json_response(answered)
            except RerankerError as error:
                return refused(request, error)

        return handle


def _tei_tokens(vocabulary: Vocabulary, fields: Fields) -> Any:
    special = fields.boolean("add_special_tokens", default=True)
    texts, _ = _texts(fields, "inputs")
    return [[_tei_token(token) for token in vocabulary.tokens_of(text, special_tokens=special)] for text in texts]


def _tei_token(token: Token) -> dict[str, Any]:
    start, stop = (None, None) if token.special else (token.start, token.end)
    return {"id": token.id, "text": token.text, "special": token.special, "start": start, "stop": stop}


def _tei_texts(vocabulary: Vocabulary, fields: Fields) -> Any:
    skips = fields.boolean("skip_special_tokens", default=True)
    ids = fields.listed("ids", of="id")
    lists = ids if isinstance(ids[0], list) else [ids]
    return [vocabulary.text_of(_ids(numbers), skips_special=skips) for numbers in lists]


def _ids(numbers: Any) -> list[int]:
    if isinstance(numbers, list) and all(type(number) is int and 0 <= number < _LARGEST_ID for number in numbers):
        return numbers
    raise InvalidField("`ids` must be a list of token ids, or a list of such lists.")


def _ovms_tokens(vocabulary: Vocabulary, fields: Fields) -> Any:
    texts, is_one = _texts(fields, "text")
    special = fields.boolean("add_special_tokens", default=True)
    ids = [[token.id for token in vocabulary.tokens_of(one, special_tokens=special)] for one in texts]
    return {"tokens": ids[0] if is_one else ids}


def _texts(fields: Fields, name: str) -> tuple[list[str], bool]:
    """The texts, and whether one came alone, outside of a list."""
    given = fields.text_or_texts(name)
    texts = [given] if isinstance(given, str) else given
    characters = sum(map(len, texts))
    if characters > MOST_CHARACTERS:
        raise InvalidField(
            f"{fields.named(name)} has {characters} characters; the limit is {MOST_CHARACTERS}.",
            remedy="Send fewer or shorter texts at a time.",
        )
    return texts, isinstance(given, str)
