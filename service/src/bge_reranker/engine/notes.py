"""What a scorer found out about itself that an operator should know: notes by kind, their sentences derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from typing_extensions import override


class NoteKind(Enum):
    """Kinds of notes, each with its sentence."""

    BODY_REPLACED = "the {body} body of {computation} was replaced by the plain one: {objection}"
    RUNTIME_REPLACED = "{runtime} was replaced by the plain network, which is slow: {objection}"
    SOLE_BLOCK_SIZE = "row-wise work is cut into blocks of {rows} rows only"
    LARGEST_BATCH_TOO_LARGE = "a batch of {tokens} tokens does not fit the device; smaller ones are used"
    PAIRS_APART = "each pair is computed by itself, since pairs computed together differ in their last bits"
    PADDED = "computed through transformers over padded batches: {reason}"
    UNPADDED = "every pair is computed alone, since padding changes the scores: {objection}"
    NO_INT8_PRODUCTS = "the CPU has no VNNI: 8-bit numbers are multiplied in float32, no faster than a float32 model"
    CALIBRATION_ASSUMED = (
        "the checkpoint has no pair_calibration: scores of {kinds} are on a scale that is assumed, and mixed lists are "
        "comparable within a kind only"
    )
    LONG_PAIRS_UNTRIED = (
        "pairs of more than {tried_tokens} tokens were not tried before serving: one of {longest_tokens} tokens might "
        "take longer than {most_s:.0f} s here"
    )

    @property
    def is_replacement(self) -> bool:
        """Whether a fast computation was replaced by its plain form."""
        return self in (NoteKind.BODY_REPLACED, NoteKind.RUNTIME_REPLACED)


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was found out."""

    kind: NoteKind
    """What it is about."""

    facts: Mapping[str, object] = field(default_factory=dict)
    """What fills the sentence."""

    @override
    def __str__(self) -> str:
        """The sentence, for logs and `/info`."""
        return self.kind.value.format(**self.facts)
