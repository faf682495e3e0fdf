"""The lexical baseline: BM25 over words, Chinese words found by jieba."""

import re
import warnings
from collections.abc import Sequence

import bm25s
import numpy as np
import numpy.typing as npt

with warnings.catch_warnings():
    # jieba 0.42.1 has invalid escapes in its sources and looks for pkg_resources: both only warn.
    warnings.simplefilter("ignore")
    import jieba

_CHINESE_RUN = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"\w+")
_ENGLISH_STOPWORDS = frozenset(bm25s.stopwords.STOPWORDS_EN)
_CHINESE_STOPWORDS = frozenset(
    "的 了 和 是 在 就 都 而 及 与 着 或 一个 没有 我们 你们 他们 您 你 我 它 这 那 也 把 被 对 从 到 为 以".split()
)


def split_words(text: str) -> list[str]:
    """Splits a text into lower-case words without stopwords; Chinese is segmented by jieba's search mode."""
    words: list[str] = []
    jieba.setLogLevel("ERROR")
    for word in _WORD.findall(text.lower()):
        if _CHINESE_RUN.search(word):
            words.extend(part for part in jieba.cut_for_search(word) if part not in _CHINESE_STOPWORDS)
        elif word not in _ENGLISH_STOPWORDS:
            words.append(word)
    return words


class Bm25Index:
    """BM25 over a collection, whose document frequencies it uses even when only a few documents are ranked."""

    def __init__(self, documents: Sequence[str]) -> None:
        """Indexes a collection.

        Args:
            documents: Distinct texts, at least one.
        """
        self._positions = {document: position for position, document in enumerate(documents)}
        self.documents = list(documents)
        self._index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        # One empty word keeps bm25s from refusing a collection in which no document has a word.
        self._index.index([split_words(document) or [""] for document in documents], show_progress=False)

    def collection_scores(self, query: str) -> npt.NDArray[np.float32]:
        """Scores the whole collection; float32 (documents)."""
        words = [word for word in split_words(query) if word in self._index.vocab_dict]
        if not words:
            return np.zeros(len(self.documents), dtype=np.float32)
        return np.asarray(self._index.get_scores(words), dtype=np.float32)

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        """Scores documents of the collection.

        Args:
            query: Any text.
            documents: Texts that were indexed.

        Raises:
            KeyError: A document was not indexed.
        """
        scores = self.collection_scores(query)
        return [float(scores[self._positions[document]]) for document in documents]

    def best(self, query: str, count: int) -> list[str]:
        """Returns the documents with the highest scores, best first, equal scores in the collection's order."""
        order = np.argsort(-self.collection_scores(query), kind="stable")[:count]
        return [self.documents[position] for position in order]
