"""The contract between the engine and whatever computes logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .batch import Batch
from .notes import Note


@dataclass(frozen=True, slots=True)
class ScorerDescription:
    """What scores the pairs, in the words of `/info`."""

    architecture: str
    """Class name of the checkpoint, for example XLMRobertaForSequenceClassification."""

    runtime: str
    """Library that computes, with its version."""

    device: str
    """cpu, or cuda with its index."""

    device_name: str
    """Name of the processor or GPU."""

    precision: str
    """Number format, a name of `PRECISIONS`."""

    packed: bool
    """True where pairs are computed without padding, but for a few tokens up to the next bucket of lengths."""

    max_pair_tokens: int
    """Longest pair that the model reads, special tokens included."""

    batch_invariant: bool
    """True where warm-up saw the same pair get the same bits alone and in every batch that it tried."""

    vocabulary_size: int | None = None
    """Token ids that the model has a row for are below it; None where it has no table of them."""

    notes: tuple[Note, ...] = field(default=())
    """Anything an operator should know: a fast body that was replaced, a padded fallback."""

    bodies: Mapping[str, str] = field(default_factory=dict)
    """Which form computes each part of the network, by part, where there is a choice."""

    threads: int | None = None
    """Threads that compute, where the scorer chose them."""

    instruction_sets: tuple[str, ...] = field(default=())
    """Instruction sets of the CPU that matter to matrix products, in the kernel's words."""

    precision_hint: str | None = None
    """What OpenVINO was told to compute floating-point parts in."""

    calibration: Mapping[str, Mapping[str, float]] | None = None
    """How a dual encoder's cosine becomes a logit, slope and bias for each kind of pair; None for cross-encoders."""

    quantisation: Mapping[str, object] | None = None
    """How the checkpoint was quantised and what that costs; None for floating point."""

    batches_in_flight: int = 1
    """Batches that the scorer takes before the first has been fetched; above 1 for a `LaunchingScorer` alone."""

    def as_json(self) -> dict[str, Any]:
        """The fields as `/info` shows them, notes as sentences."""
        return {**asdict(self), "notes": [str(note) for note in self.notes]}


class ScorerOutOfMemory(Exception):
    """The device ran out of memory on this batch; a smaller one may pass. The worker halves its budget and retries."""


class ScorerLost(Exception):
    """The device computes nothing any more for this process, such as a GPU after an illegal access.

    Its message is the device's own name of what happened, never a foreign message as a whole, and ends up in answers.
    """


class Launched(Protocol):
    """A batch that was given to a scorer."""

    def fetch(self) -> NDArray[np.float32]:
        """Wait for its logits; once only, whatever was launched since.

        Returns:
            float32 (N,): one logit per pair, as of `Scorer.score`.

        Raises:
            ScorerOutOfMemory: If the device has no room for the batch.
            ScorerLost: If nothing can be computed any more.
        """
        ...


class Scorer(Protocol):
    """Computes one logit per pair. Called from one thread only."""

    @property
    def description(self) -> ScorerDescription:
        """What scores; final once `warm_up` has returned."""
        ...

    def warm_up(self, max_batch_tokens: int) -> None:
        """Run the shapes that serving will meet, compare fast bodies with plain ones, and settle `description`.

        Args:
            max_batch_tokens: Largest batch that the engine will send, in tokens.
        """
        ...

    def warm_up_further(self) -> bool:
        """Run one more shape that serving may meet; called after `warm_up`, while nobody waits.

        Returns:
            Whether there is more to run.
        """
        ...

    def score(self, batch: Batch) -> NDArray[np.float32]:
        """Compute the logits of a batch.

        Args:
            batch: N pairs, T tokens.

        Returns:
            float32 (N,): one logit per pair, in the order of the batch, possibly not finite.

        Raises:
            ScorerOutOfMemory: If the device has no room for the batch.
            ScorerLost: If nothing can be computed any more. Anything else that is raised fails single pairs only.
        """
        ...

    def close(self) -> None:
        """Free the device. The scorer is not called again."""
        ...


@runtime_checkable
class LaunchingScorer(Scorer, Protocol):
    """One that computes while its thread does other things: a device beside the processor."""

    def launch(self, batch: Batch) -> Launched:
        """Have a batch computed behind those that were launched before, and return at once.

        Args:
            batch: N pairs, T tokens.

        Raises:
            ScorerOutOfMemory: If the device has no room for the batch; those launched before go on.
            ScorerLost: If nothing can be computed any more.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """Logits that are here already."""

    logits: NDArray[np.float32]
    """float32 (N,): one per pair."""

    def fetch(self) -> NDArray[np.float32]:
        """Return them."""
        return self.logits


def launch(scorer: Scorer, batch: Batch) -> Launched:
    """Launch a batch where the scorer can, or compute it now, as `LaunchingScorer.launch` and `Scorer.score` say."""
    if isinstance(scorer, LaunchingScorer):
        return scorer.launch(batch)
    return Computed(scorer.score(batch))
