"""What clients ask before they rank: which models there are, and whether each family's own probe is content.

What belongs here: the shapes that those clients insist on. What must not: our own health and `/info` (`health`).
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..errors import ModelNotServed, RerankerError
from ..serving.state import ServedModel, ServingState
from ..settings import Settings
from .record import record_of
from .responses import error_response, json_response


class DiscoveryEndpoints:
    """Answers about the served model in the words of several families.

    Args:
        state: What is served.
        settings: How strict model names are.
    """

    def __init__(self, state: ServingState, settings: Settings) -> None:
        self._state = state
        self._strict = settings.dialects.strict_model_names

    async def models(self, request: Request) -> Response:
        """The served model as a list of one, as OpenAI's interface has it."""
        try:
            model = self._state.require_model()
        except RerankerError as error:
            return _refused(request, error)
        return json_response(orjson.dumps({"object": "list", "data": [_card(model, model.name)]}))

    async def model(self, request: Request) -> Response:
        """One model by name; any name will do unless names are strict."""
        name = str(request.path_params["name"])
        try:
            model = self._require(name)
        except RerankerError as error:
            return _refused(request, error)
        return json_response(orjson.dumps(_card(model, name)))

    async def kserve_ready(self, request: Request) -> Response:
        """Whether a model is ready, as KServe's second interface has it."""
        name = str(request.path_params["name"])
        try:
            self._require(name)
        except RerankerError as error:
            return _refused(request, error)
        ready = self._state.unready_reason() is None
        return json_response(orjson.dumps({"name": name, "ready": ready}), 200 if ready else 503)

    async def meta(self, _request: Request) -> Response:
        """Facts about the model for Weaviate, which wants any object."""
        model = self._state.model
        return json_response(orjson.dumps({"model": model.name, "digest": model.digest} if model else {}))

    async def nim_ready(self, _request: Request) -> Response:
        """Readiness as NVIDIA NIM says it."""
        reason = self._state.unready_reason()
        return _nim(reason is None, "ready", reason)

    async def nim_live(self, _request: Request) -> Response:
        """Liveness as NVIDIA NIM says it."""
        return _nim(self._state.is_live, "live", self._state.unready_reason())

    def _require(self, name: str) -> ServedModel:
        model = self._state.require_model()
        if self._strict and name != model.name:
            raise ModelNotServed(f"The model {name[:80]!r} is not served here.", remedy="GET /v1/models lists it.")
        return model


def _card(model: ServedModel, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "bge-reranker",
        "root": model.name,
        "max_model_len": model.ranker.policy.max_pair_tokens,
        # xinference's client chooses by this word what a model can do.
        "model_type": "rerank",
    }


def _nim(good: bool, word: str, reason: str | None) -> Response:  # noqa: FBT001 - a private helper of three lines
    body = {
        "object": "health.response",
        "message": f"Service is {word}." if good else reason or f"Service is not {word}.",
        "status": word if good else f"not {word}",
    }
    return json_response(orjson.dumps(body), 200 if good else 503)


def _refused(request: Request, error: RerankerError) -> Response:
    record_of(request).code = error.code
    return error_response(error)
