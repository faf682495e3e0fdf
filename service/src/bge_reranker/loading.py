"""From settings to a served model: find it, hash it, load its tokenizer and weights, warm up.

The composition that the server, the command line and Python callers share.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import structlog

from .dual_loading import is_dual, load_dual_encoder, refuse_dual_before_weights
from .engine.acceptance import AcceptedScorer
from .engine.calibration import CALIBRATION_PAIR_TOKENS
from .engine.engine import Engine
from .engine.observer import EngineObserver, SilentObserver
from .engine.scorer import Scorer
from .errors import CorruptFile, OutOfMemory
from .model.checkpoint.folder import read_checkpoint
from .model.load import load_scorer, plan_load
from .planning.capacity import ReplicaCapacity
from .planning.expectation import Expectation, expected_of
from .ranking.ranker import Ranker
from .ranking.served_model import Capacity, ServedModel
from .settings import Direction, ModelSettings, Preset, Settings
from .store.lease import Lease, take_lease
from .store.manifest import MANIFEST_FILE, Manifest, hash_model, read_manifest
from .store.model_directory import ModelDirectory
from .store.resolve import resolve_model
from .store.verification import refuse_other_digest
from .store.verified_load import Verified, verified_load
from .text.encoder import PairEncoder
from .text.policy import TextPolicy, resolve_policy
from .text.tokenizer_folder import refuse_larger_ids
from .vision.encoder import DualEncoder

_CLOSE_S = 10.0
"""Seconds for an engine that nobody uses to end."""

_log = structlog.get_logger("bge_reranker.loading")


def load_model(
    settings: Settings, environment: Mapping[str, str], executor: Executor, observer: EngineObserver | None = None
) -> ServedModel:
    """Load and warm up the model that the settings name.

    Args:
        settings: The effective settings.
        environment: Where Hugging Face caches are looked for.
        executor: Where texts are tokenised.
        observer: Its callbacks are called for the engine's events.

    Raises:
        ModelError: If the model is not found or cannot be served.
        SettingsError: If a setting does not fit the model or the machine.
    """
    directory = resolve_model(settings.model.source, environment, settings.model)
    lease = _lease(directory)
    observer = observer or SilentObserver()
    try:
        manifest, verified, loaded = _verified(directory, settings.model, lambda: _load(directory, settings, observer))
    except BaseException:
        if lease is not None:
            lease.release()
        raise
    return ServedModel(
        name=directory.name,
        source=directory.source,
        revision=directory.revision,
        digest=manifest.digest,
        verified=verified,
        capacity=_capacity(loaded.engine, loaded.scorer),
        ranker=Ranker(loaded.encoder, loaded.engine, loaded.policy, executor),
        engine=loaded.engine,
        description=loaded.scorer.description,
        lease=lease,
        expected=_expected(settings, loaded),
    )


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a model's files become."""

    encoder: PairEncoder | DualEncoder
    policy: TextPolicy
    scorer: Scorer
    engine: Engine
    """Warmed up."""

    def close(self) -> None:
        """Free the weights of what will not be served after all."""
        self.engine.close(_CLOSE_S)


def _load(directory: ModelDirectory, settings: Settings, observer: EngineObserver) -> _Loaded:
    encoder: PairEncoder | DualEncoder
    try:
        if is_dual(directory.path):
            encoder, scorer = load_dual_encoder(directory.path, settings)
        else:
            # Before the tokenizer: that of another architecture is often none for pairs, which is not what is wrong.
            read_checkpoint(directory.path)
            encoder = PairEncoder.from_directory(directory.path)
            scorer = load_scorer(directory.path, settings.model)
    except MemoryError as error:
        # Scorers report a shortage of their own devices; this is one of the interpreter.
        raise OutOfMemory(f"Memory ran out while {directory.name} was loaded.") from error
    try:
        reads = scorer.description
        if isinstance(encoder, DualEncoder):
            policy = resolve_policy(settings.text, reads.max_pair_tokens)
        else:
            refuse_other_tokenizer(encoder, reads.vocabulary_size, packed=reads.packed)
            policy = resolve_policy(settings.text, *_limits(encoder, reads.max_pair_tokens, settings.text.preset))
    except BaseException:
        scorer.close()
        raise
    scorer = AcceptedScorer(scorer, encoder.trial, policy.max_pair_tokens)
    engine = Engine(scorer, settings.engine, observer=observer)
    engine.start()
    try:
        engine.wait_until_ready()
    except BaseException:
        # Its thread may still be freeing the scorer; a process that ends meanwhile is aborted by the scorer's library.
        engine.close(_CLOSE_S)
        raise
    return _Loaded(encoder, policy, scorer, engine)


def _verified(
    directory: ModelDirectory, settings: ModelSettings, load: Callable[[], _Loaded]
) -> tuple[Manifest, Verified, _Loaded]:
    """Load a model and make sure that its files are what their manifest says, where they have one."""
    if not (directory.path / MANIFEST_FILE).is_file():
        manifest = hash_model(directory.path)
        refuse_other_digest(manifest.digest, settings.expect_digest, directory.name)
        return manifest, "full", load()
    manifest = read_manifest(directory.path)
    refuse_other_digest(manifest.digest, settings.expect_digest, directory.name)
    loaded, verified = verified_load(directory.path, manifest, settings.verify, load, _Loaded.close)
    return manifest, verified, loaded


def _lease(directory: ModelDirectory) -> Lease | None:
    """Hold the version against collection, where it lies in a store that can be written."""
    if directory.version is None:
        return None
    try:
        return take_lease(directory.version)
    except OSError as error:
        _log.warning("lease_not_written", version=directory.version.key, problem=str(error))
        return None


def _capacity(engine: Engine, scorer: Scorer) -> Capacity:
    pair_tokens = min(CALIBRATION_PAIR_TOKENS, scorer.description.max_pair_tokens)
    rate = engine.tokens_per_second
    return Capacity(rate, pairs_per_second=rate / pair_tokens, pair_tokens=pair_tokens, batch_s=engine.batch_s)


def _expected(settings: Settings, loaded: _Loaded) -> Expectation | None:
    """What the planned load may expect of this replica, its way through HTTP left out."""
    engine, policy = loaded.engine, loaded.policy
    return expected_of(
        settings.plan,
        ReplicaCapacity(
            engine.tokens_per_second,
            engine.batch_s,
            max_pair_tokens=policy.max_pair_tokens,
            engine=settings.engine,
        ),
    )


def _limits(encoder: PairEncoder, readable_tokens: int, preset: Preset) -> tuple[int, Direction]:
    """The smaller of what the network reads and what its files allow under a preset; the end that is then dropped."""
    allowed = encoder.settings.max_pair_tokens(preset) or sys.maxsize
    return min(readable_tokens, allowed), encoder.settings.direction(preset)


def refuse_before_weights(directory: Path, settings: Settings) -> None:
    """Refuse what `load_model` would, as far as no weights have to be read for it.

    Raises:
        ModelError: If the model cannot be served.
        SettingsError: If a setting does not fit the model or the machine.
    """
    if is_dual(directory):
        refuse_dual_before_weights(directory)
        return
    geometry = plan_load(directory, settings.model).checkpoint.geometry
    encoder = PairEncoder.from_directory(directory)
    # What transformers computes says its limits once it is loaded.
    if geometry is not None:
        refuse_other_tokenizer(encoder, geometry.vocabulary_size, packed=True)
        resolve_policy(settings.text, *_limits(encoder, geometry.max_pair_tokens, settings.text.preset))


def refuse_other_tokenizer(encoder: PairEncoder, rows: int | None, *, packed: bool) -> None:
    """Compare what a text may become with what the model reads.

    Args:
        encoder: Makes ids of texts.
        rows: Of the model's embeddings; None where they are not known.
        packed: Whether its head reads each pair's first token.

    Raises:
        CorruptFile: If there is an id that the model has no row for, or if a head that reads the first token would read
            the query's.
    """
    if encoder.largest_id is not None and rows is not None:
        refuse_larger_ids(encoder.largest_id, rows)
    if packed and not encoder.begins_with_special_token:
        raise CorruptFile(
            "tokenizer.json has a post-processor that puts no special token before the query; the model's head reads "
            "the first token.",
            remedy="Use the tokenizer.json that was published with these weights.",
        )
