"""What clients ask before they rank: which models there are, and whether each family's own probe is content."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..errors import RerankerError
from ..ranking.served_model import ServedModel
from ..serving.state import ServingState
from ..settings import Settings
from .commands import commands
from .model_names import model_name
from .responses import json_response, refused, unready_response


class DiscoveryEndpoints:
    """Answers about the served model in the words of several families.

    Args:
        state: What is served.
        settings: How strict model names are.
        needs_key: Whether callers must bring a key.
    """

    def __init__(self, state: ServingState, settings: Settings, *, needs_key: bool) -> None:
        self._state = state
        self._strict = settings.dialects.strict_model_names
        self._needs_key = needs_key

    async def models(self, request: Request) -> Response:
        """The served model as a list of one, as OpenAI's interface has it."""
        try:
            model = self._state.require_model()
        except RerankerError as error:
            return refused(request, error)
        return json_response(orjson.dumps({"object": "list", "data": [_card(model, model.name)]}))

    async def model(self, request: Request) -> Response:
        """One model by name; any name will do unless names are strict."""
        name = str(request.path_params["name"])
        try:
            model = self._require(name)
        except RerankerError as error:
            return refused(request, error)
        return json_response(orjson.dumps(_card(model, name)))

    async def kserve_ready(self, request: Request) -> Response:
        """Whether a model is ready, as KServe's second interface has it."""
        name = str(request.path_params["name"])
        unready = self._state.unready()
        if unready is not None:
            return unready_response(request, unready, {"name": name, "ready": False})
        try:
            self._require(name)
        except RerankerError as error:
            return refused(request, error)
        return json_response(orjson.dumps({"name": name, "ready": True}))

    async def dialects(self, _request: Request) -> Response:
        """A request in each dialect, as a template."""
        return json_response(_written_commands())

    async def meta(self, _request: Request) -> Response:
        """Facts about the model for Weaviate, which wants any object."""
        model = self._state.model
        return json_response(orjson.dumps({"model": model.name, "digest": model.digest} if model else {}))

    async def cluster_auth(self, _request: Request) -> Response:
        """Whether a key is needed, as xinference says it; its client sends none before it has heard so."""
        return json_response(orjson.dumps({"auth": self._needs_key}))

    async def nim_ready(self, request: Request) -> Response:
        """Readiness as NVIDIA NIM says it."""
        return _nim(request, "ready", self._state.unready())

    async def nim_live(self, request: Request) -> Response:
        """Liveness as NVIDIA NIM says it."""
        return _nim(request, "live", None if self._state.is_live else self._state.unready())

    def _require(self, name: str) -> ServedModel:
        model = self._state.require_model()
        model_name(name, model.name, is_strict=self._strict)
        return model


@cache
def _written_commands() -> bytes:
    return orjson.dumps({"dialects": commands()})


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


def _nim(request: Request, word: str, unready: RerankerError | None) -> Response:
    body = {"object": "health.response", "message": f"Service is {word}.", "status": word}
    if unready is None:
        return json_response(orjson.dumps(body))
    verdict = body | {"message": unready.sentence(), "status": f"not {word}"}
    return unready_response(request, unready, verdict)
