"""Two hundred questions with the rankings that the model gives them in this process, without a server."""

from __future__ import annotations

from itertools import islice, pairwise, product
from typing import TypedDict

from bge_reranker import Reranker

QUESTIONS = 200

TOLERANCE = 1e-4
"""Scores nearer than this may stand in either order: the pod's processor may round otherwise."""

SUBJECTS = {
    "cats": "A cat sleeps most of the day and hunts mice at night.",
    "railways": "The train left the station two minutes late and crossed the old iron bridge.",
    "bread": "Knead the dough for ten minutes, let it rise, then bake the loaf until brown.",
    "volcanoes": "Lava ran down the slope after the eruption, and ash covered the villages.",
    "databases": "An index makes the query faster, and a transaction keeps the tables consistent.",
    "football": "The striker scored twice in the second half and the fans sang.",
    "rain": "Clouds gathered in the afternoon and it poured until the streets were flooded.",
    "taxes": "The government raised the levy on income and lowered it on wages.",
    "music": "The orchestra played a symphony and the violins carried the melody.",
    "vaccines": "Doctors gave the injection to children to protect them from the virus.",
}

WORDINGS = (
    "{}",
    "what is known about {}",
    "tell me about {}",
    "a text on {}",
    "news of {}",
    "{} explained",
    "history of {}",
    "why {} matter",
    "an introduction to {}",
    "{} for beginners",
    "the best article about {}",
    "questions on {}",
    "facts about {}",
    "stories about {}",
    "where to learn about {}",
    "research on {}",
    "how {} work",
    "opinions on {}",
    "{} in everyday life",
    "problems with {}",
)


class Question(TypedDict):
    query: str
    documents: list[str]


def questions() -> list[Question]:
    """Each wording of each subject, with the texts of all subjects, turned so that the right one moves about."""
    texts = list(SUBJECTS.values())
    asked = islice(product(WORDINGS, SUBJECTS), QUESTIONS)
    return [
        {"query": wording.format(subject), "documents": texts[turn % 10 :] + texts[: turn % 10]}
        for turn, (wording, subject) in enumerate(asked)
    ]


def expected_scores(asked: list[Question]) -> list[list[float]]:
    """The score of every document of every question, in the order of the documents."""
    with Reranker("demo", device="cpu") as reranker:
        return [_scores(reranker, question) for question in asked]


def wrong_rankings(answers: list[list[tuple[int, float]]], expected: list[list[float]]) -> list[str]:
    """The answers that do not order the documents by the expected scores, or give other scores."""
    return [
        f"question {number}: {answer} where {scores} was expected"
        for number, (answer, scores) in enumerate(zip(answers, expected, strict=True))
        if not _is_right(answer, scores)
    ]


def _is_right(answer: list[tuple[int, float]], scores: list[float]) -> bool:
    ranked = [scores[index] for index, _ in answer]
    is_complete = sorted(index for index, _ in answer) == list(range(len(scores)))
    is_ordered = all(better >= worse - TOLERANCE for better, worse in pairwise(ranked))
    is_equal = all(abs(score - scores[index]) <= TOLERANCE for index, score in answer)
    return is_complete and is_ordered and is_equal


def _scores(reranker: Reranker, question: Question) -> list[float]:
    ranked = reranker.rank(question["query"], question["documents"])
    by_index = {document.index: document.score for document in ranked}
    return [by_index[index] for index in range(len(question["documents"]))]
