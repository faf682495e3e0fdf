"""Examples as the rows that a loss takes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from .examples import InvalidTrainingData, TrainingExample
from .options import Loss

UsedLoss = Literal["listwise", "lambda", "binary", "distil"]

_SHARPNESS = 10.0
"""Label of the highest grade in a list that a softmax is taken of: e to this power against 1 for a document that is not
relevant. That leaves next to nothing for others, as in the cross entropy that the bge rerankers were trained with."""


def chosen_loss(loss: Loss, examples: Sequence[TrainingExample]) -> UsedLoss:
    """Decide which loss is used.

    Raises:
        InvalidTrainingData: If a teacher is asked for who did not score every line.
    """
    without = [example.line for example in examples if not example.teacher]
    if loss == "distil" and without:
        raise InvalidTrainingData(
            f"--loss distil needs a teacher's scores on each line; line {without[0]} has none.",
            remedy="Give pos_scores and neg_scores, or choose another loss.",
        )
    if loss != "auto":
        return loss
    return "listwise" if without else "distil"


def rows(examples: Sequence[TrainingExample], loss: UsedLoss, documents: int, seed: int) -> list[dict[str, Any]]:
    """Make rows: lists of documents with their labels, or single pairs.

    Args:
        examples: What is trained on; those without a difference among their documents are left out.
        loss: What is minimised.
        documents: Most documents of a query.
        seed: Of the choice where there are more.
    """
    generator = random.Random(seed)  # noqa: S311 - a draw that can be repeated
    made: list[dict[str, Any]] = []
    top = max(grade for example in examples for grade in example.grades.values())
    for example in examples:
        chosen = _chosen(example, documents, generator)
        if loss == "binary":
            made += _pairs(example, chosen, top)
        elif len({example.grades[text] for text in chosen}) > 1:
            labels = [_label(example, text, loss, top) for text in chosen]
            made.append({"query": example.query, "documents": chosen, "labels": labels})
    if not made:
        raise InvalidTrainingData(
            "No query has documents that differ in relevance.",
            remedy="Give negatives, or let them be found: --mine lexical.",
        )
    return made


def _chosen(example: TrainingExample, documents: int, generator: random.Random) -> list[str]:
    """Relevant documents, half of the places at most where there are others, and the rest from the others."""
    positives, negatives = example.positives, example.negatives
    places = max(1, documents - len(negatives), documents // 2)
    kept = positives if len(positives) <= places else generator.sample(positives, places)
    free = documents - len(kept)
    chosen = kept + (negatives if len(negatives) <= free else generator.sample(negatives, free))
    generator.shuffle(chosen)
    return chosen


def _label(example: TrainingExample, text: str, loss: UsedLoss, top: int) -> float:
    if loss == "distil":
        return example.teacher[text]
    grade = example.grades[text]
    return _SHARPNESS * grade / top if loss == "listwise" else float(grade)


def _pairs(example: TrainingExample, chosen: Sequence[str], top: int) -> Iterator[dict[str, Any]]:
    for text in chosen:
        yield {"query": example.query, "document": text, "label": example.grades[text] / top}
