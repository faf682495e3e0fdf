"""The one test that every scorer passes before it serves, whatever library computes.

Pairs of the tokenizer, the longest too, must have finite logits. How exact logits are is not its question: each scorer
compares its own bodies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptFile, OutOfMemory, RerankerError, WrongArchitecture
from ..precision import FLOAT32, PRECISIONS
from .batch import Batch, Pair, pack
from .notes import Note, NoteKind
from .scorer import Launched, Scorer, ScorerDescription, ScorerLost, ScorerOutOfMemory, launch

SHORT_TOKENS = 32
"""Tokens of the first pair that is tried."""

ALWAYS_TRIED_TOKENS = 1024
"""Longest pair that is tried whatever it costs: nearly all models read no longer ones."""

_FIRST_RUNG_TOKENS = 512
_RUNG = 4
"""Longer pairs are tried in steps, each so many times as long as the one before."""

_MAX_TRIAL_S = 10.0
"""Seconds that a pair may be expected to take; what takes longer is said not to have been tried."""


class AcceptedScorer:
    """A scorer that is not warmed up before it has computed pairs as callers will send them.

    Args:
        scorer: Computes.
        trial: Makes a pair of so many tokens of what the tokenizer gives.
        longest_tokens: Longest pair that callers may send.
        clock: Seconds.
    """

    def __init__(
        self,
        scorer: Scorer,
        trial: Callable[[int], Pair],
        longest_tokens: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scorer = scorer
        self._trial = trial
        self._longest_tokens = longest_tokens
        self._clock = clock
        self._notes: tuple[Note, ...] = ()

    @property
    def description(self) -> ScorerDescription:
        """What scores, and what was not tried."""
        found = self._scorer.description
        return replace(found, notes=(*found.notes, *self._notes))

    def warm_up(self, max_batch_tokens: int) -> None:
        """Warm up, then compute trial pairs.

        Args:
            max_batch_tokens: Largest batch that the engine will send, in tokens.

        Raises:
            CorruptFile: If a logit is not finite, or only pairs shorter than the longest can be computed.
            WrongArchitecture: If no pair can be computed.
            OutOfMemory: If there is no memory for the longest.
        """
        with self._failures_named("two texts"):
            self._scorer.warm_up(max_batch_tokens)
        self._notes = self._try_pairs()

    def warm_up_further(self) -> bool:
        """Run one more shape, as `Scorer.warm_up_further` says."""
        return self._scorer.warm_up_further()

    def score(self, batch: Batch) -> NDArray[np.float32]:
        """Compute the logits of a batch, as `Scorer.score` says."""
        return self._scorer.score(batch)

    def launch(self, batch: Batch) -> Launched:
        """Launch a batch, as `LaunchingScorer.launch` says."""
        return launch(self._scorer, batch)

    def close(self) -> None:
        """Free the device."""
        self._scorer.close()

    def _try_pairs(self) -> tuple[Note, ...]:
        tried_tokens, took_s = 0, 0.0
        for tokens in trial_lengths(self._longest_tokens):
            # Attention takes four times as long for pairs twice as long.
            expected_s = took_s * (tokens / tried_tokens) ** 2 if tried_tokens else 0.0
            if tokens > ALWAYS_TRIED_TOKENS and expected_s > _MAX_TRIAL_S:
                facts = {
                    "tried_tokens": tried_tokens,
                    "longest_tokens": self._longest_tokens,
                    "most_s": _MAX_TRIAL_S,
                }
                return (Note(NoteKind.LONG_PAIRS_UNTRIED, facts),)
            began = self._clock()
            self._try_pair(tokens, tried_tokens)
            tried_tokens, took_s = tokens, self._clock() - began
        return ()

    def _try_pair(self, tokens: int, tried_tokens: int) -> None:
        pair = pack([self._trial(tokens)])
        try:
            with self._failures_named(f"{tokens} tokens", tried_tokens):
                logit = float(self._scorer.score(pair)[0])
        except (ScorerOutOfMemory, MemoryError) as error:
            fitting = self._largest_fitting(tokens)
            there_is = f" One of {fitting} fits." if fitting else ""
            lower = f"set text.maxPairTokens to {fitting} at most" if fitting else "serve a smaller model"
            raise OutOfMemory(
                f"There is no memory for a pair of {tokens} tokens beside the model.{there_is}",
                remedy=f"Give the process more memory, or {lower}.",
                figures={"pair_tokens": tokens, "fitting_tokens": fitting},
            ) from error
        if not np.isfinite(logit):
            raise self._not_finite(tokens, logit)

    def _largest_fitting(self, tokens: int) -> int:
        """The longest pair for which there is memory, of those a half, a quarter, ... as long; 0 if there is none."""
        while tokens > SHORT_TOKENS:
            tokens //= 2
            try:
                self._scorer.score(pack([self._trial(tokens)]))
            except (ScorerOutOfMemory, MemoryError):
                continue
            return tokens
        return 0

    @contextmanager
    def _failures_named(self, what: str, tried_tokens: int = 0) -> Iterator[None]:
        """Turn what a library raises into an error that says which pair it was; shortages of memory pass."""
        try:
            yield
        except (RerankerError, ScorerLost, ScorerOutOfMemory, MemoryError):
            raise
        except Exception as error:
            kind = type(error).__name__
            if not tried_tokens:
                raise WrongArchitecture(
                    f"{self._scorer.description.architecture} cannot compute a pair of {what} ({kind}).",
                    remedy="Serve a cross-encoder that reads a query and a document and nothing else.",
                ) from error
            raise CorruptFile(
                f"The model cannot compute a pair of {what}, which its configuration allows ({kind}); a pair of "
                f"{tried_tokens} tokens it can.",
                remedy="Set text.maxPairTokens to what the model reads, or use a config.json that is true of it.",
            ) from error

    def _not_finite(self, tokens: int, logit: float) -> CorruptFile:
        precision = PRECISIONS[self._scorer.description.precision]
        cause = "its weights hold NaN or infinite numbers"
        remedy = "Serve weights that are whole; ask their source."
        if precision.can_overflow:
            cause = f"{cause}, or are too large for {precision.name}"
            remedy = f"Set precision to {FLOAT32.name}; if that fails too, ask the weights' source."
        return CorruptFile(f"The logit of a pair of {tokens} tokens is {logit}: {cause}.", remedy=remedy)


def trial_lengths(longest_tokens: int) -> list[int]:
    """List the lengths that are tried, shortest first, the longest last."""
    lengths, rung = [], _FIRST_RUNG_TOKENS
    if longest_tokens > SHORT_TOKENS:
        lengths.append(SHORT_TOKENS)
    while 2 * rung <= longest_tokens:
        lengths.append(rung)
        rung *= _RUNG
    return [*lengths, longest_tokens]
