"""Hard negatives: documents of the same file that look like an answer and are not labelled as one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..evaluation.lexical import Bm25Index
from .examples import TrainingExample

ScoreDocuments = Callable[[str, list[str]], Sequence[float]]
"""The base model: logits of documents for a query."""

_POOL = 4
"""Candidates of BM25 for each negative that is wanted, from which the base model chooses."""


class NegativeMiner:
    """Finds negatives among all documents of a set of examples.

    Args:
        examples: All of the file: what is relevant to a query on one line is no negative on another.
        seed: Of what is drawn where BM25 finds too little.
        score: The base model, for negatives that are the hardest for it; None for BM25's own order.
    """

    def __init__(self, examples: Sequence[TrainingExample], seed: int, score: ScoreDocuments | None = None) -> None:
        self._documents = list(dict.fromkeys(document for each in examples for document in each.grades))
        self._index = Bm25Index(self._documents)
        self._relevant: defaultdict[str, set[str]] = defaultdict(set)
        for example in examples:
            self._relevant[example.query].update(example.positives)
        self._random = random.Random(seed)  # noqa: S311 - a draw that can be repeated
        self._score = score

    def fill(self, example: TrainingExample, count: int) -> TrainingExample:
        """Add negatives until an example has enough.

        Args:
            example: Its own negatives stay.
            count: Negatives that are wanted; fewer where the file has no more documents.
        """
        wanted = count - len(example.negatives)
        if wanted <= 0 or example.teacher:
            # A mined document has no teacher's score.
            return example
        taken = self._relevant[example.query] | set(example.grades)
        found = [text for text in self._index.best(example.query, wanted * _POOL + len(taken)) if text not in taken]
        chosen = found[:wanted] if self._score is None else self._hardest(example, found[: wanted * _POOL])[:wanted]
        rest = [text for text in self._documents if text not in taken and text not in chosen]
        chosen += self._random.sample(rest, min(len(rest), wanted - len(chosen)))
        return replace(example, grades={**example.grades, **dict.fromkeys(chosen, 0)})

    def _hardest(self, example: TrainingExample, candidates: list[str]) -> list[str]:
        """The candidates that the base model likes best, without those above the relevant: they may be so unnoticed."""
        if self._score is None or not candidates:
            return candidates
        texts = [*example.positives, *candidates]
        scores = dict(zip(texts, self._score(example.query, texts), strict=True))
        limit = max(scores[text] for text in example.positives)
        return sorted((text for text in candidates if scores[text] < limit), key=lambda text: -scores[text])
