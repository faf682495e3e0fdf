"""The judgement can fall both ways."""

from __future__ import annotations

from typing import Any

import pytest

from .client_row import ClientRow
from .outcome import judge
from .table import DOCUMENTS, SCORES

ROW = ClientRow(
    key="any",
    client="Any",
    package="any",
    environment="any",
    family="Jina",
    returns_documents=True,
    asked_when_full=True,
)


def answer(**changes: Any) -> dict[str, Any]:
    hits = [{"index": index, "score": SCORES[index], "text": DOCUMENTS[index]} for index in (1, 2, 3)]
    refusal = {"type": "Refused", "message": "`query` is empty."}
    full = {"type": "Later", "message": "there"}
    return {"hits": hits, "failure": None, "error": refusal, "overload": full} | changes


def changed_first_hit(**changes: Any) -> list[dict[str, Any]]:
    first, *others = answer()["hits"]
    return [first | changes, *others]


def test_the_right_answer_works_and_errors_are_told_apart_by_their_words() -> None:
    outcome = judge(ROW, answer(), "1.0")
    assert outcome.works
    assert outcome.version == "1.0"
    assert outcome.error == "Refused, with the server's words"
    assert outcome.overload == "Later, without the server's words"


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"failure": {"type": "KeyError", "message": "data"}, "hits": []}, "fails with KeyError"),
        ({"hits": answer()["hits"][::-1]}, "order is"),
        ({"hits": answer()["hits"][:2]}, "order is"),
        ({"hits": changed_first_hit(score=None)}, "scores are missing"),
        ({"hits": changed_first_hit(score=2.0)}, "scores are not sigmoids"),
        ({"hits": changed_first_hit(score=SCORES[1] + 2e-6)}, "scores are not sigmoids"),
        ({"hits": changed_first_hit(text=None)}, "documents are not"),
    ],
)
def test_a_wrong_answer_does_not_work_and_says_why(changes: dict[str, Any], finding: str) -> None:
    outcome = judge(ROW, answer(**changes), "1.0")
    assert not outcome.works
    assert outcome.ranking.startswith(finding)


def test_an_error_that_the_client_does_not_notice_is_said() -> None:
    assert judge(ROW, answer(error=None), "1.0").error == "not noticed"
