"""Judged sets from held-out sources: which queries, and which twenty candidates each."""

import random
from collections import defaultdict
from collections.abc import Iterator

from tqdm import tqdm

from bge_reranker.evaluation.cases import RankingCase
from bge_reranker.evaluation.lexical import Bm25Index, split_words
from demo_model.corpus import TextPair, repeats_query

CANDIDATES = 20
"""Documents per query: one that answers it and nineteen that do not."""

MAX_SHARED_WORDS = 0.75
"""Largest share of a query's words that may stand in its answer: more would be copied from the answer."""

LANGUAGE_NAMES = {"en": "English", "zh": "Chinese"}
"""Names used in group names."""


def held_out_cases(pairs: list[TextPair], *, queries: int, seed: int) -> list[RankingCase]:
    """Draws judged queries from held-out pairs: per language, random and BM25-mined negatives.

    Only titles are used, one answer per title, never a title whose words (nearly) all stand in the answer.

    Args:
        pairs: Title pairs of held-out sources.
        queries: Most queries per language.
        seed: Of the draw.

    Returns:
        Cases in the groups "English, random", "English, mined", "Chinese, random" and "Chinese, mined".
    """
    cases: list[RankingCase] = []
    for language, name in LANGUAGE_NAMES.items():
        members = [pair for pair in pairs if pair.language == language and pair.kind == "title"]
        chosen = _choose(members, queries, seed)
        for group, negatives in (("random", _random_negatives), ("mined", _mined_negatives)):
            cases += list(negatives(chosen, members, f"{name}, {group}", seed))
    return cases


def _choose(pairs: list[TextPair], count: int, seed: int) -> list[TextPair]:
    first: dict[str, TextPair] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.query, pair.passage)):
        if not is_copied(pair.query, pair.passage):
            first.setdefault(pair.query, pair)
    chosen = list(first.values())
    random.Random(seed).shuffle(chosen)
    return chosen[:count]


def is_copied(query: str, passage: str) -> bool:
    """Tells whether a query is taken from the passage: word for word, or nearly all of its words."""
    words = set(split_words(query))
    shared = words & set(split_words(passage))
    return not words or len(shared) / len(words) > MAX_SHARED_WORDS or repeats_query(query, passage)


def _random_negatives(chosen: list[TextPair], pairs: list[TextPair], group: str, seed: int) -> Iterator[RankingCase]:
    generator = random.Random(seed)
    answers = _answers(pairs)
    collection = sorted({pair.passage for pair in pairs})
    for pair in chosen:
        drawn = [text for text in generator.sample(collection, CANDIDATES + 8) if text not in answers[pair.query]]
        yield _case(pair, drawn, group)


def _mined_negatives(chosen: list[TextPair], pairs: list[TextPair], group: str, seed: int) -> Iterator[RankingCase]:
    answers = _answers(pairs)
    collection = sorted({pair.passage for pair in pairs})
    random.Random(seed).shuffle(collection)
    index = Bm25Index(collection)
    for pair in tqdm(chosen, desc=group):
        best = index.best(pair.query, CANDIDATES + 8)
        yield _case(pair, [text for text in best if text not in answers[pair.query]], group)


def _answers(pairs: list[TextPair]) -> dict[str, set[str]]:
    """All passages under one title answer it, not only the chosen one."""
    answers: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        answers[pair.query].add(pair.passage)
    return answers


def _case(pair: TextPair, negatives: list[str], group: str) -> RankingCase:
    return RankingCase(pair.query, dict.fromkeys(negatives[: CANDIDATES - 1], 0) | {pair.passage: 1}, group)
