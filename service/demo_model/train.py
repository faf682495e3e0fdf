"""Training of the whole network on listwise examples.

Belongs here: the loop, its loss and its batches. Must not be here: where examples and negatives come from.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from tqdm import trange
from transformers import XLMRobertaForSequenceClassification

QUERY_TOKENS = 20
"""Longest query in training."""

PASSAGE_TOKENS = 64
"""Longest passage in training; the network reads longer ones, of which it has seen only the parts."""

_WORD_RATE = 2e-4
_OTHER_RATE = 2e-4
_WARM_UP = 20


@dataclass(frozen=True)
class RankingExample:
    """A query's pieces, and the pieces of its answer and then of passages that are none."""

    query: list[int]
    passages: list[list[int]]


def train_network(
    network: XLMRobertaForSequenceClassification,
    draw: Callable[[], list[RankingExample]],
    *,
    steps: int,
    check: Callable[[int], None],
    check_every: int,
) -> None:
    """Trains so that each example's first passage scores highest.

    Args:
        network: Changed in place.
        draw: Returns a batch of examples with equally many passages.
        steps: Batches.
        check: Called with the number of the step, now and then.
        check_every: Steps between checks.
    """
    words = [network.roberta.embeddings.word_embeddings.weight]
    others = [value for name, value in network.named_parameters() if "word_embeddings" not in name]
    optimiser = torch.optim.AdamW(
        [{"params": words, "lr": _WORD_RATE}, {"params": others, "lr": _OTHER_RATE}], weight_decay=0.0
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / _WARM_UP) * max(0.02, 1 - step / steps)
    )
    network.train()
    losses: list[float] = []
    started = time.monotonic()
    progress = trange(steps, desc="network")
    for step in progress:
        examples = draw()
        tokens, mask = pack(examples)
        scores = network(input_ids=tokens, attention_mask=mask).logits.view(len(examples), -1)
        loss = nn.functional.cross_entropy(scores, torch.zeros(len(examples), dtype=torch.long))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(others, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        rate = (step + 1) * tokens.numel() / (time.monotonic() - started)
        progress.set_postfix(loss=f"{np.mean(losses[-40:]):.3f}", tokens_per_s=f"{rate:.0f}", refresh=False)
        if step % check_every == check_every - 1:
            network.eval()
            check(step + 1)
            network.train()
    network.eval()


def pack(examples: list[RankingExample]) -> tuple[torch.Tensor, torch.Tensor]:
    """Lays examples out as XLM-RoBERTa's pairs, padded to the longest.

    Returns:
        int64 (pairs, L) pieces and int64 (pairs, L) mask, an example's passages one after the other.
    """
    rows = [
        [0, *example.query[:QUERY_TOKENS], 2, 2, *passage[:PASSAGE_TOKENS], 2]
        for example in examples
        for passage in example.passages
    ]
    tokens = np.full((len(rows), max(map(len, rows))), 1, dtype=np.int64)
    for place, row in enumerate(rows):
        tokens[place, : len(row)] = row
    packed = torch.from_numpy(tokens)
    return packed, (packed != 1).long()
