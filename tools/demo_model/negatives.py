"""Hard negatives for training: passages that look like the answer and are not."""

from collections import defaultdict

import numpy as np
import numpy.typing as npt
from scipy import sparse
from tqdm import tqdm

from demo_model.corpus import TextPair

IntArray = npt.NDArray[np.int32]

_CHUNK = 256
"""Queries searched at a time; bounds memory to this times the passages."""


def mine_negatives(
    pairs: list[TextPair], queries: list[list[int]], passages: list[list[int]], size: int, *, most: int, count: int
) -> dict[int, list[int]]:
    """Finds passages of the same package that share rare pieces with a query without being its answer.

    Args:
        pairs: All training pairs.
        queries: Pieces of each pair's query.
        passages: Pieces of each pair's passage.
        size: Of the vocabulary.
        most: Largest number of queries mined in one source; their order is random already.
        count: Negatives per query at most.

    Returns:
        Places of pairs whose passages are negatives, by the place of the query's pair.
    """
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        if pair.kind in {"title", "cloze", "entry"}:
            groups[pair.source, pair.language].append(place)
    mined: dict[int, list[int]] = {}
    for members in groups.values():
        if len(members) <= 2 * count:
            continue
        asked = members[:most]
        pool = members[: 8 * most]
        found = lexical_neighbours([queries[i] for i in asked], [passages[i] for i in pool], size, 2 * count)
        for place, neighbours in zip(asked, found, strict=True):
            own = pairs[place]
            others = [pool[n] for n in neighbours if pairs[pool[n]].query != own.query]
            mined[place] = [n for n in others if pairs[n].passage != own.passage][:count]
    return mined


def lexical_neighbours(queries: list[list[int]], passages: list[list[int]], size: int, count: int) -> IntArray:
    """Finds each query's best passages by BM25 over pieces.

    Args:
        queries: Pieces of each query.
        passages: Pieces of each passage.
        size: Of the vocabulary.
        count: Neighbours per query.

    Returns:
        int32 (queries, count), places of passages, in no particular order.
    """
    documents = _count_matrix(passages, size)
    lengths = np.asarray(documents.sum(axis=1)).ravel()
    frequency = np.bincount(documents.indices, minlength=size)
    inverse = np.log1p((len(passages) - frequency + 0.5) / (frequency + 0.5))
    norm = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())
    rows = np.repeat(np.arange(len(passages)), np.diff(documents.indptr))
    documents.data = documents.data * 2.2 / (documents.data + norm[rows]) * inverse[documents.indices]
    # Pieces in a tenth of the passages tell nothing and cost most of the time.
    documents = documents.multiply(frequency < 0.1 * len(passages)).tocsr()
    transposed = documents.T.tocsr().astype(np.float32)
    asked = (_count_matrix(queries, size) > 0).astype(np.float32)
    found = np.empty((len(queries), count), dtype=np.int32)
    for start in tqdm(range(0, len(queries), _CHUNK), desc="lexical neighbours"):
        scores = (asked[start : start + _CHUNK] @ transposed).toarray()
        found[start : start + _CHUNK] = np.argpartition(-scores, count, axis=1)[:, :count]
    return found


def _count_matrix(texts: list[list[int]], size: int) -> sparse.csr_matrix:
    lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    indices = np.concatenate([np.asarray(text, dtype=np.int32) for text in texts])
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    matrix = sparse.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, pointers), (len(texts), size))
    matrix.sum_duplicates()
    return matrix
