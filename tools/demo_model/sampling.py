"""Which pairs make up a batch."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from demo_model.corpus import TextPair
from demo_model.embeddings import TokenPairs

KindShares = Mapping[tuple[str, str], float]
"""Share of batches by kind and language."""

SHARES: KindShares = {
    ("title", "en"): 0.22,
    ("title", "zh"): 0.24,
    ("entry", "en"): 0.14,
    ("entry", "zh"): 0.07,
    ("cloze", "en"): 0.08,
    ("cloze", "zh"): 0.10,
    ("translation", "mixed"): 0.15,
}
"""Much of everything. Chinese titles are few and come back often."""

_MIN_SOURCE_PAIRS = 100
"""Smaller sources would fill a batch with the same few pairs."""

_SOURCE_POWER = 0.6
"""Sources are drawn in proportion to this power of their size, so that the largest do not drown the others."""


class PairSampler:
    """Draws batches; all pairs of a batch come from one source, whose other passages are the harder negatives."""

    def __init__(
        self,
        pairs: list[TextPair],
        queries: list[list[int]],
        passages: list[list[int]],
        shares: KindShares,
        seed: int,
    ) -> None:
        """Groups the pairs by source.

        Args:
            pairs: All training pairs.
            queries: Pieces of each pair's query.
            passages: Pieces of each pair's passage.
            shares: How much of which kind.
            seed: Of the draws.
        """
        groups: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for place, pair in enumerate(pairs):
            if (pair.kind, pair.language) in shares:
                groups[pair.kind, pair.language, pair.source].append(place)
        self._pairs, self._queries, self._passages = pairs, queries, passages
        self._groups = {key: np.array(places) for key, places in groups.items() if len(places) >= _MIN_SOURCE_PAIRS}
        self._keys = list(self._groups)
        self._shares = _source_shares(self._groups, shares)
        self._generator = np.random.default_rng(seed)

    def draw_pairs(self, count: int) -> TokenPairs:
        """Draws pairs of one source with different queries; half of the translations are turned round."""
        kind, places = self._draw_places(count)
        queries, passages = [self._queries[i] for i in places], [self._passages[i] for i in places]
        turned = kind == "translation" and self._generator.integers(2) == 1
        return (passages, queries) if turned else (queries, passages)

    def draw_pairs_with_negatives(self, count: int, mined: dict[int, list[int]]) -> TokenPairs:
        """Draws pairs and, behind their passages, one mined negative for each pair that has some."""
        kind, places = self._draw_places(count)
        queries, passages = [self._queries[i] for i in places], [self._passages[i] for i in places]
        if kind == "translation":
            return (passages, queries) if self._generator.integers(2) == 1 else (queries, passages)
        answers = {self._pairs[i].passage for i in places}
        drawn = [int(self._generator.choice(mined[i])) for i in places if mined.get(i)]
        negatives = [self._passages[i] for i in drawn if self._pairs[i].passage not in answers]
        return queries, passages + negatives

    def _draw_places(self, count: int) -> tuple[str, list[int]]:
        while True:
            key = self._keys[self._generator.choice(len(self._keys), p=self._shares)]
            members = self._groups[key]
            drawn = self._generator.choice(members, size=min(count, len(members)), replace=False)
            # One title stands over several passages: a batch may hold only one of them.
            different = {self._pairs[place].query: int(place) for place in drawn}
            if len(different) > count // 2:
                return key[0], list(different.values())


def _source_shares(groups: dict[tuple[str, str, str], np.ndarray], kind_shares: KindShares) -> np.ndarray:
    shares = np.array([len(places) ** _SOURCE_POWER for places in groups.values()])
    kinds = [key[:2] for key in groups]
    for kind, share in kind_shares.items():
        members = np.array([candidate == kind for candidate in kinds])
        shares[members] *= share / max(shares[members].sum(), 1e-9)
    return np.asarray(shares / shares.sum())
