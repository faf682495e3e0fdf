from __future__ import annotations

import os
import subprocess
from pathlib import Path

import click
import pytest

from tests.cluster.layout import KUBECONFIG
from tests.e2e.__main__ import refuse_an_unnamed_cluster
from tests.e2e.proofs.__main__ import chosen, merged
from tests.e2e.questions import questions, wrong_rankings

ROOT = Path(__file__).parents[2]


def test_a_kubeconfig_without_a_named_context_is_refused() -> None:
    with pytest.raises(click.UsageError, match=r"KUBECONFIG is /home/me/.kube/config and no context is named"):
        refuse_an_unnamed_cluster(None, "/home/me/.kube/config")


@pytest.mark.parametrize(
    ("context", "kubeconfig"), [("kind-test", "/home/me/.kube/config"), (None, None), (None, str(KUBECONFIG))]
)
def test_a_named_context_and_our_own_cluster_are_welcome(context: str | None, kubeconfig: str | None) -> None:
    refuse_an_unnamed_cluster(context, kubeconfig)


def test_make_looks_at_the_surroundings_before_it_builds_images() -> None:
    environment = {**os.environ, "KUBECONFIG": "/home/me/.kube/config", "MAKEFLAGS": ""}
    arguments = ("make", "--no-print-directory", "e2e", "CONTEXT=", "ARGS=")
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "no context is named" in done.stderr


def test_scenes_of_a_proof_are_played_in_its_order_and_those_that_it_does_not_have_are_refused() -> None:
    known = ("first", "second", "third")
    assert chosen(known, ()) == list(known)
    assert chosen(known, ("third", "first")) == ["first", "third"]
    assert chosen((), ()) == []
    with pytest.raises(click.BadParameter, match="fourth: the scenes are first, second, third"):
        chosen(known, ("fourth",))


def test_figures_of_a_scene_that_is_played_alone_join_those_of_the_others() -> None:
    before = {"third": 3, "first": 1, "gone": 0}
    assert list(merged(before, {"second": 2, "first": 11}, ("first", "second", "third")).items()) == [
        ("first", 11),
        ("second", 2),
        ("third", 3),
    ]


def test_the_two_hundred_questions_are_different_and_their_right_texts_move_about() -> None:
    asked = questions()
    assert len({question["query"] for question in asked}) == 200
    assert len({tuple(question["documents"]) for question in asked}) == 10


@pytest.mark.parametrize(
    "answer",
    [
        [(1, 0.2), (0, 0.9)],
        [(0, 0.9)],
        [(0, 0.9), (1, 0.3)],
    ],
    ids=["order", "missing", "score"],
)
def test_a_wrong_ranking_is_found(answer: list[tuple[int, float]]) -> None:
    assert wrong_rankings([[(0, 0.9), (1, 0.2)]], [[0.9, 0.2]]) == []
    assert len(wrong_rankings([answer], [[0.9, 0.2]])) == 1
