"""What a load test sends."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bge_reranker.api.call import RequestContext
from bge_reranker.api.commands import commands
from bge_reranker.api.dispatch import DIALECTS
from bge_reranker.errors import RerankerError, SettingsError
from bge_reranker.loadtest.templates import body_of, template_of
from bge_reranker.loadtest.workload import Question, made_questions, read_questions
from bge_reranker.planning.sizes import Sizes
from bge_reranker.settings import DialectSettings

QUESTION = Question("what is it", ("first text", "second text", "third text"))


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_reads_the_question_that_was_put_into_its_template(name: str) -> None:
    template = template_of(name, commands())
    body = json.loads(json.dumps(body_of(template["body"], QUESTION)))
    context = RequestContext(by_name=True, settings=DialectSettings(), long_documents="cut")
    request = DIALECTS[name].read(body, 100, context).request
    assert {request.query, *(request.queries or ())} - {""} == {QUESTION.query}
    assert tuple(request.documents) == QUESTION.documents


def test_an_unknown_dialect_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match="'klingon'") as caught:
        template_of("klingon", commands())
    assert "cohere-v2" in caught.value.remedy


def test_made_questions_have_the_sizes_that_were_asked_for() -> None:
    questions = made_questions(200, Sizes.parse("2-5", ""), Sizes.parse("7", ""), Sizes.parse("1-3", ""), seed=1)
    assert {len(question.documents) for question in questions} == {2, 3, 4, 5}
    assert {len(text.split()) for question in questions for text in question.documents} == {7}
    assert {len(question.query.split()) for question in questions} == {1, 2, 3}
    assert questions == made_questions(200, Sizes.parse("2-5", ""), Sizes.parse("7", ""), Sizes.parse("1-3", ""), 1)


def test_a_log_normal_size_has_its_median() -> None:
    sizes, chance = Sizes.parse("lognormal:40:0.5", ""), random.Random(5)
    assert np.median([sizes.draw(chance) for _ in range(5000)]) == pytest.approx(40, rel=0.05)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-3",
        "5-2",
        "many",
        "1.5",
        "lognormal:20",
        "lognormal:a:b",
        "lognormal:0:1",
        "lognormal:nan:1",
        "lognormal:20:inf",
        "lognormal:20:100",
    ],
)
def test_what_is_no_size_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(SettingsError, match="--words"):
        Sizes.parse(text, "--words")


def test_requests_are_read_from_both_forms_of_a_file(tmp_path: Path) -> None:
    plain, judged = tmp_path / "plain.jsonl", tmp_path / "judged.jsonl"
    plain.write_text('{"query": "q", "documents": ["a", "b"]}\n\n{"query": "r", "documents": ["c"]}\n')
    judged.write_text('{"query": "q", "positive": ["a"], "negative": ["b"]}\n')
    assert read_questions(plain) == [Question("q", ("a", "b")), Question("r", ("c",))]
    assert [(each.query, set(each.documents)) for each in read_questions(judged)] == [("q", {"a", "b"})]


@pytest.mark.parametrize(
    "line",
    ["no json", "[]", '{"query": 1, "documents": ["a"]}', '{"query": "q", "documents": []}', '{"documents": []}'],
)
def test_a_line_that_is_no_request_is_named(tmp_path: Path, line: Any) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text('{"query": "q", "documents": ["a"]}\n' + line)
    with pytest.raises(RerankerError, match="line 2"):
        read_questions(file)
