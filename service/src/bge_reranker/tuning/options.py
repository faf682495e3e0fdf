"""What a fine-tuning run is asked for, with defaults that suit a cross-encoder of a few hundred million weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

Loss = Literal["auto", "listwise", "lambda", "binary", "distil"]
"""`auto`: distil where every line has a teacher's scores, else listwise."""

Mining = Literal["none", "lexical", "model"]
"""Where negatives come from that the file lacks: nowhere, BM25, or the best of BM25 by the base model."""

MixedPrecision = Literal["auto", "no", "fp16", "bf16"]
"""`auto`: bf16 on a GPU that has it."""

FULL_RATE, LORA_RATE = 2e-5, 2e-4
"""Learning rates where none is given: of all weights, and of low-rank adapters, which start from zero."""


@dataclass(frozen=True, slots=True)
class TuningOptions:
    """The choices of a run."""

    loss: Loss = "auto"
    epochs: int = 3
    learning_rate: float | None = None
    """Peak, reached after a tenth of the steps; None: `FULL_RATE`, or `LORA_RATE` with adapters."""
    batch_queries: int = 8
    """Queries of a step."""
    accumulate: int = 1
    """Steps whose gradients are added up before the weights change."""
    documents: int = 8
    """Documents of a query in a step, relevant ones included."""
    max_tokens: int = 512
    """Longest pair; the model's own limit holds besides."""
    lora_rank: int = 0
    """Rank of adapters on every linear layer; 0 trains all weights."""
    mixed_precision: MixedPrecision = "auto"
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them: a third slower, with far less memory."""
    mining: Mining = "lexical"
    hold_out: float = 0.1
    """Share of the queries that are not trained on."""
    evaluations: int = 10
    """Looks at the held-out queries in the whole run; a checkpoint is kept at each."""
    patience: int = 3
    """Looks without a better nDCG@10 after which it ends."""
    seed: int = 0

    @property
    def rate(self) -> float:
        """The learning rate that holds."""
        return self.learning_rate or (LORA_RATE if self.lora_rank else FULL_RATE)

    def fingerprint(self, *inputs: str) -> str:
        """Names a run: a checkpoint of another one is not gone on from.

        Args:
            inputs: Digests of all that the run reads.
        """
        content = json.dumps([asdict(self), *inputs], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()
