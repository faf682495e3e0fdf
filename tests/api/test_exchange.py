"""The stages of a request: whose style an error has at each, and what is logged of it."""

from __future__ import annotations

import pytest

from bge_reranker.api.dispatch import DIALECTS, candidates
from bge_reranker.api.exchange import Addressed, Answered, Arrived, Identified, Read
from bge_reranker.guard.caller import ANONYMOUS
from bge_reranker.guard.guard import Admitted
from bge_reranker.settings import DialectSettings

ARRIVED = Arrived("id", 0.0)
ADDRESSED = Addressed(ARRIVED, "/v1/ranking", candidates("/v1/ranking", None), DialectSettings())


def read(dialect: str, route: str, **body: object) -> Read:
    addressed = Addressed(ARRIVED, route, candidates(route, None), DialectSettings())
    return Read(Identified(addressed, Admitted(ANONYMOUS, "address:127.0.0.1")), 1.0, body, DIALECTS[dialect])


def test_an_error_has_our_style_until_a_route_tells_a_dialect() -> None:
    assert ARRIVED.style.dialect.statuses == DIALECTS["native"].statuses
    assert ADDRESSED.style.dialect is DIALECTS["nim"]


def test_a_dialect_counts_once_the_body_has_settled_it() -> None:
    assert ADDRESSED.outcome.dialect == ARRIVED.outcome.dialect == "none"
    assert read("nim", "/rerank").outcome.dialect == "nim"


@pytest.mark.parametrize(("route", "is_infinity"), [("/rerank", True), ("/v1/rerank", False)])
def test_infinitys_own_client_is_known_by_its_keys(route: str, *, is_infinity: bool) -> None:
    stage = read("jina", route, documents=[], raw_scores=False, return_documents=False)
    assert stage.style.is_infinity_client is is_infinity


def test_an_answer_keeps_what_is_logged_and_no_text() -> None:
    stage = read("nim", "/rerank", query="a text")
    answered = Answered(stage.outcome)
    assert answered.outcome == stage.outcome
    assert "a text" in repr(stage)
    assert "a text" not in repr(answered)
