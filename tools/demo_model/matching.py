"""Training of the word vectors for matching, without the network around them.

Matching word by word is a formula over word vectors, which costs far less than the network that does much the same.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from tqdm import trange
from typing_extensions import override

from demo_model.embeddings import FloatArray, TokenPairs

_QUERY_TOKENS = 16
_PASSAGE_TOKENS = 64
_PAD = 1


class SoftMatching(nn.Module):
    """Scores query and passage by how well each piece of the query is found in the passage.

    Args:
        vectors: float32 (V, M), unit length.
        rarity: float32 (V), positive.
    """

    def __init__(self, vectors: FloatArray, rarity: FloatArray) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.from_numpy(vectors.copy()))
        self.log_rarity = nn.Parameter(torch.from_numpy(rarity).clamp_min(0.1).log())
        self.sharpness = nn.Parameter(torch.tensor(20.0))
        self.no_match = nn.Parameter(torch.tensor(6.0))
        self.steepness = nn.Parameter(torch.tensor(12.0))

    @override
    def forward(self, queries: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
        """Scores every query with every passage.

        Args:
            queries: int64 (N, Q) pieces, padded.
            passages: int64 (P, L) pieces, padded.

        Returns:
            float32 (N, P).
        """
        rarity = self.log_rarity[queries].masked_fill(queries == _PAD, -1e4)
        absent = (passages == _PAD).flatten()
        found = torch.zeros(queries.numel(), len(passages))
        half = self.vectors.shape[1] // 2
        for part in (self.vectors[:, :half], self.vectors[:, half:]):
            likeness = self.sharpness * part[queries.flatten()] @ part[passages.flatten()].T
            mass = likeness.masked_fill(absent, -1e4).view(queries.numel(), *passages.shape).logsumexp(dim=2)
            found = found + (mass - self.no_match).sigmoid() / 2
        return self.steepness * torch.einsum("nq,nqp->np", rarity.softmax(dim=1), found.view(*queries.shape, -1))

    @torch.no_grad()
    def restore_length(self) -> None:
        """Sets every piece's vector back to unit length."""
        self.vectors.div_(self.vectors.norm(dim=1, keepdim=True).clamp_min(1e-6))


def train_matching(model: SoftMatching, draw_pairs: Callable[[], TokenPairs], *, steps: int) -> None:
    """Trains the matching so that each query's own passage beats the other passages of its batch.

    Args:
        model: Changed in place.
        draw_pairs: Returns a batch; it may hold more passages than queries, the surplus being hard negatives.
        steps: Batches to train on.
    """
    scalars = [value for name, value in model.named_parameters() if name != "vectors"]
    optimiser = torch.optim.Adam([{"params": [model.vectors], "lr": 1e-3}, {"params": scalars, "lr": 1e-2}])
    starts = [group["lr"] for group in optimiser.param_groups]
    progress = trange(steps, desc="matching")
    for step in progress:
        for group, rate in zip(optimiser.param_groups, starts, strict=True):
            group["lr"] = rate * (1 - step / steps)
        queries, passages = draw_pairs()
        scores = model(pad(queries, _QUERY_TOKENS), pad(passages, _PASSAGE_TOKENS))
        target = torch.arange(len(queries))
        loss = nn.functional.cross_entropy(scores, target)
        loss = loss + 0.3 * nn.functional.cross_entropy(scores[:, : len(queries)].T, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        model.restore_length()
        progress.set_postfix(loss=f"{loss.item():.3f}", refresh=False)


def pad(texts: list[list[int]], longest: int) -> torch.Tensor:
    """Returns int64 (N, L): texts cut at `longest` and padded to the longest of them."""
    length = min(longest, max(map(len, texts)))
    padded = np.full((len(texts), length), _PAD, dtype=np.int64)
    for row, text in enumerate(texts):
        padded[row, : len(text[:length])] = text[:length]
    return torch.from_numpy(padded)
