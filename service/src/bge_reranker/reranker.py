"""Ranking in Python, without a server: `Reranker("demo").rank(query, documents)`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .configuration import load_settings
from .errors import Draining, EmptyField, InvalidField, WorkerDied
from .loading import load_model
from .ranking.ranking import Ranking
from .ranking.request import RankRequest


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """One document with its score and its position in the input."""

    index: int
    """Position in the list that was given."""

    score: float
    """Sigmoid of the logit, between 0 and 1."""

    logit: float
    """What the model said."""

    text: str
    tokens: int
    truncated: bool


class Reranker:
    """A model in this process; one that forks makes it after the fork.

    Args:
        model: `demo`, a folder with a Hugging Face checkpoint, `org/name[@revision]` in a Hugging Face cache, or
            a source that lies in the store `cache_dir`. A `Path` is a folder, whatever its name.
        settings: Any setting of the scorer by its name, for example `device="cpu"` or `preset="flagreranker"`.
            `deadline_s` bounds one ranking only if it is given.

    Raises:
        TypeError: If `model` is neither a string nor a path.
        ModelError: If the model cannot be loaded.
        SettingsError: If a setting is unknown or impossible.
    """

    def __init__(self, model: str | os.PathLike[str] = "demo", **settings: Any) -> None:
        _check_model(model)
        flags = {"model": model, **settings}
        effective = load_settings(flags={name: _plain(value) for name, value in flags.items()})
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="reranker")
        self._model = load_model(effective, os.environ, self._executor)
        # Nobody waits on a connection here: without a deadline of its own a long list takes as long as it takes.
        self._deadline_s = effective.engine.deadline_s if "deadline_s" in settings else math.inf
        self._is_closed = False
        self._process = os.getpid()

    @property
    def digest(self) -> str:
        """Tree digest of the model's files, hexadecimal."""
        return self._model.digest

    @property
    def precision(self) -> str:
        """Number format that computes, as `model.precision` names it."""
        return self._model.description.precision

    @property
    def notes(self) -> tuple[str, ...]:
        """What this machine changed about how the model is computed, a sentence each; mostly empty."""
        return tuple(str(note) for note in self._model.description.notes)

    def rank(self, query: str, documents: Iterable[str], top_n: int | None = None) -> list[RankedDocument]:
        """Order documents by how well they answer a query, best first.

        Args:
            query: What is searched for, at least one character.
            documents: Texts, in an order of their own; none give an empty ranking.
            top_n: Most results, at least 1; None for all.

        Raises:
            InvalidField: If an argument has the wrong type or is out of bounds.
            RerankerError: If a text does not fit its policy, or a document could not be scored.
        """
        _check_top_n(top_n)
        texts = _texts(documents)
        ranking = self._rank(query, texts)
        scores, logits = ranking.scores.tolist(), ranking.logits.tolist()
        tokens, truncated = ranking.tokens.tolist(), ranking.truncated.tolist()
        return [
            RankedDocument(index, scores[index], logits[index], texts[index], tokens[index], truncated[index])
            for index in ranking.order()[:top_n]
        ]

    def logits(self, query: str, documents: Iterable[str]) -> list[float]:
        """Score documents without ordering them.

        Args:
            query: What is searched for, at least one character.
            documents: Texts, in an order of their own.

        Returns:
            One logit per document, in the order given.

        Raises:
            InvalidField: If an argument has the wrong type or is out of bounds.
            RerankerError: If a text does not fit its policy, or a document could not be scored.
        """
        logits: list[float] = self._rank(query, _texts(documents)).logits.tolist()
        return logits

    def close(self) -> None:
        """Free the model. The reranker cannot be used again."""
        if self._process != os.getpid():
            # What a fork copied has no threads to wait for, and the lease is the other process's.
            return
        self._is_closed = True
        # Another thread may still wait for a ranking.
        self._model.close()
        self._executor.shutdown()

    def _rank(self, query: str, texts: list[str]) -> Ranking:
        if self._is_closed:
            raise Draining("This reranker was closed.", remedy="Make another one.")
        if self._process != os.getpid():
            raise WorkerDied(
                f"This reranker was made in process {self._process}, and a fork copies none of its threads.",
                remedy="Make it after the fork, in each process that ranks: in gunicorn's post_fork, in Celery's "
                "worker_process_init, in a DataLoader's worker_init_fn.",
            )
        _check_query(query)
        if not texts:
            return Ranking.empty()
        ranking = self._model.ranker.rank(RankRequest(query, texts), self._deadline_s)
        ranking.require_all()
        return ranking

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_model(model: object) -> None:
    if not isinstance(model, str | os.PathLike):
        raise TypeError(
            f"model must be a string such as 'demo' or a path such as Path('model'), not {type(model).__name__}"
        )


def _check_top_n(top_n: object) -> None:
    if top_n is None:
        return
    # True is an Integral too.
    if not isinstance(top_n, Integral) or isinstance(top_n, bool):
        raise InvalidField(f"top_n must be a whole number, not {type(top_n).__name__}.")
    if top_n < 1:
        raise InvalidField(f"top_n is {top_n}; it must be at least 1.", remedy="Leave it out to get all.")


def _check_query(query: object) -> None:
    if not isinstance(query, str):
        raise InvalidField(f"query must be a string, not {type(query).__name__}.")
    if not query:
        raise EmptyField("query is empty.", remedy="Give at least one character.")


def _texts(documents: object) -> list[str]:
    """Take what has texts in an order; duck typing would rank a string's letters and a mapping's keys by accident."""
    if isinstance(documents, str | bytes | Mapping | AbstractSet) or not isinstance(documents, Iterable):
        raise InvalidField(f"documents must be a list of strings, not {type(documents).__name__}.")
    texts: list[str] = []
    for index, text in enumerate(documents):
        if not isinstance(text, str):
            raise InvalidField(f"documents[{index}] must be a string, not {type(text).__name__}.")
        texts.append(text)
    return texts


def _plain(value: object) -> object:
    """A setting as a file would have it; a path is made absolute, or its name could be taken for a model's."""
    return str(Path(value).expanduser().absolute()) if isinstance(value, os.PathLike) else value
