"""Tokens of single texts: `/tokenize` and `/decode` as TEI has them, `/v3/tokenize` as OpenVINO Model Server does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..errors import InvalidField, RerankerError, UnknownModel
from ..guard.guard import Guard
from ..serving.state import ServingState
from ..settings import DialectSettings, Settings
from ..text.vocabulary import Token, Vocabulary
from .admission import admit
from .body import Bodies
from .dispatch import Candidates
from .exchange import Addressed, record_of
from .fields import Body
from .model_names import model_name
from .responses import json_response, refused
from .routes import Handler
from .token_routes import MOST_CHARACTERS, TOKEN_ROUTES, DecodeBody, TokenizeBody, TokenizeV3Body

B = TypeVar("B", bound=Body)


@dataclass(frozen=True, slots=True)
class TokenEndpoints:
    """Answers about tokens.

    Args:
        state: Whose vocabulary is asked.
        settings: Limits of texts, and how strict names are.
        guard: Who may tokenise, and how much.
        bodies: Of all requests.
        executor: Where texts are tokenised; a large one takes long.
    """

    state: ServingState
    settings: Settings
    guard: Guard
    bodies: Bodies
    executor: Executor

    def handlers(self) -> dict[str, Handler]:
        """The handler of each route."""
        return {
            "/tokenize": self._handler("/tokenize", TokenizeBody, _tei_tokens),
            "/decode": self._handler("/decode", DecodeBody, _tei_texts),
            "/v3/tokenize": self._handler("/v3/tokenize", TokenizeV3Body, _ovms_tokens),
        }

    def _handler(self, route: str, kind: type[B], answer: Callable[[Vocabulary, B], Any]) -> Handler:
        spoken = Candidates((TOKEN_ROUTES[route].dialect,), by_name=False)

        async def handle(request: Request) -> Response:
            loop, record = asyncio.get_running_loop(), record_of(request)
            record.stage = Addressed(record.arrived, route, spoken, DialectSettings())
            try:
                admitted = await admit(self.guard, request, "rerank")
                model = self.state.require_model()
                vocabulary = model.ranker.encoder.vocabulary
                if vocabulary is None:
                    raise UnknownModel("The served model has no vocabulary to ask.")
                values = await self.bodies.read(request)
                model_name(values.get("model"), model.name, is_strict=self.settings.dialects.strict_model_names)
                body = kind(values, self.settings.http.max_documents)
                await self.guard.charge(admitted, 0)
                answered = await loop.run_in_executor(self.executor, lambda: orjson.dumps(answer(vocabulary, body)))
                return json_response(answered)
            except RerankerError as error:
                return refused(request, error)

        return handle


def _tei_tokens(vocabulary: Vocabulary, body: TokenizeBody) -> Any:
    special, texts = body.add_special_tokens, _few(body.inputs, "inputs")
    return [[_tei_token(token) for token in vocabulary.tokens_of(text, special_tokens=special)] for text in texts]


def _tei_token(token: Token) -> dict[str, Any]:
    start, stop = (None, None) if token.special else (token.start, token.end)
    return {"id": token.id, "text": token.text, "special": token.special, "start": start, "stop": stop}


def _tei_texts(vocabulary: Vocabulary, body: DecodeBody) -> Any:
    skips = body.skip_special_tokens
    return [vocabulary.text_of(ids, skips_special=skips) for ids in body.ids]


def _ovms_tokens(vocabulary: Vocabulary, body: TokenizeV3Body) -> Any:
    texts, special = _few(body.text, "text"), body.add_special_tokens
    ids = [[token.id for token in vocabulary.tokens_of(one, special_tokens=special)] for one in texts]
    return {"tokens": ids[0] if isinstance(body.values["text"], str) else ids}


def _few(texts: list[str], name: str) -> list[str]:
    """Texts, as long as they are few enough to answer."""
    characters = sum(map(len, texts))
    if characters > MOST_CHARACTERS:
        raise InvalidField(
            f"`{name}` has {characters} characters; the limit is {MOST_CHARACTERS}.",
            remedy="Send fewer or shorter texts at a time.",
        )
    return texts
