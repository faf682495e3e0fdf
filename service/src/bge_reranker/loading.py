"""From settings to a served model: find it, hash it, load its tokenizer and weights, warm up.

The composition that the server, the command line and Python callers share.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import Executor

from .engine.engine import Engine
from .engine.observer import EngineObserver, SilentObserver
from .engine.scorer import Scorer
from .model.load import load_scorer
from .ranking.ranker import Ranker
from .serving.state import ServedModel
from .settings import Settings
from .store.manifest import hash_model
from .store.resolve import resolve_model
from .text.encoder import PairEncoder
from .text.policy import resolve_policy


def load_model(
    settings: Settings, environment: Mapping[str, str], executor: Executor, observer: EngineObserver | None = None
) -> ServedModel:
    """Load and warm up the model that the settings name.

    Args:
        settings: The effective settings.
        environment: Where Hugging Face caches are looked for.
        executor: Where texts are tokenised.
        observer: Who hears of the engine's events.

    Raises:
        ModelError: If the model is not found or cannot be served.
        SettingsError: If a setting does not fit the model or the machine.
    """
    directory = resolve_model(settings.model.model, environment)
    manifest = hash_model(directory.path)
    encoder = PairEncoder.from_directory(directory.path)
    scorer = load_scorer(directory.path, settings.model)
    policy = resolve_policy(settings.text, _max_pair_tokens(scorer, encoder))
    engine = Engine(scorer, settings.engine, observer=observer or SilentObserver())
    engine.start()
    engine.wait_until_ready()
    return ServedModel(
        name=directory.name,
        revision=directory.revision,
        digest=manifest.digest,
        ranker=Ranker(encoder, engine, policy, executor),
        engine=engine,
        description=scorer.description,
    )


def _max_pair_tokens(scorer: Scorer, encoder: PairEncoder) -> int:
    """The smaller of what the network reads and what its tokenizer is configured for, as in sentence-transformers."""
    return min(scorer.description.max_pair_tokens, encoder.tokenizer_max_pair_tokens or sys.maxsize)
