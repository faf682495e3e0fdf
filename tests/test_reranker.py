from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bge_reranker import Reranker, RerankerError
from bge_reranker.demo import demo_model_directory
from bge_reranker.errors import CorruptFile, Draining, EmptyField, InvalidField, SettingsError, UnknownModel
from tests.live.scripted_scorer import write_tokenizer
from tests.model.checkpoints import packed_model, save


@pytest.fixture(scope="module")
def demo() -> Reranker:
    return Reranker("demo", threads=1)


def test_rank_orders_documents_best_first_and_says_where_they_came_from(demo: Reranker) -> None:
    ranked = demo.rank("人工智能发展趋势", ["区块链技术解析", "AI在医疗的应用"])
    assert [document.index for document in ranked] == [1, 0]
    assert ranked[0].logit > ranked[1].logit
    assert ranked[0].text == "AI在医疗的应用"


@pytest.mark.parametrize("model", [b"demo", None, 7, ["demo"]])
def test_a_model_that_is_neither_text_nor_path_is_refused_by_its_type(model: Any) -> None:
    with pytest.raises(TypeError, match=f"model must be a string .* or a path .*, not {type(model).__name__}"):
        Reranker(model)


def test_rank_of_nothing_is_nothing(demo: Reranker) -> None:
    assert demo.rank("query", []) == []


def test_logits_keep_the_order_given_and_do_not_depend_on_company(demo: Reranker) -> None:
    documents = ["one", "two words", "three " * 100, ""]
    together = demo.logits("query", documents)
    assert together == [demo.logits("query", [document])[0] for document in documents]


def test_top_n_cuts_the_ranking(demo: Reranker) -> None:
    assert len(demo.rank("query", ["a", "b", "c"], top_n=2)) == 2


def test_digest_names_the_model(demo: Reranker) -> None:
    assert len(demo.digest) == 64


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="presets"):
        Reranker("demo", presets="tei")


def test_one_reranker_is_used_from_several_threads(demo: Reranker) -> None:
    expected = demo.logits("query", ["a", "b"])
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(demo.logits, "query", ["a", "b"]) for _ in range(40)]
    assert all(answer.result() == expected for answer in answers)


@pytest.mark.parametrize(
    ("query", "documents", "words"),
    [
        (None, ["a"], "query must be a string, not NoneType"),
        ("q", "abc", "documents must be a list of strings, not str"),
        ("q", {"a": 1}, "not dict"),
        ("q", {"a"}, "not set"),
        ("q", b"abc", "documents must be a list of strings, not bytes"),
        ("q", ["a", None], r"documents\[1\] must be a string"),
    ],
)
def test_what_is_no_list_of_texts_is_refused_by_name(demo: Reranker, query: Any, documents: Any, words: str) -> None:
    with pytest.raises(InvalidField, match=words):
        demo.rank(query, documents)


def test_an_empty_query_is_refused_as_over_http(demo: Reranker) -> None:
    for call in (demo.rank, demo.logits):
        with pytest.raises(EmptyField, match="query is empty"):
            call("", ["a"])
    assert issubclass(EmptyField, RerankerError)


@pytest.mark.parametrize("kind", [tuple, iter, np.array, deque])
def test_documents_come_in_anything_that_has_an_order(demo: Reranker, kind: Callable[[list[str]], Any]) -> None:
    documents = ["apples", "how apples grow", "the weather"]
    assert demo.rank("how apples grow", kind(documents)) == demo.rank("how apples grow", documents)
    assert demo.logits("how apples grow", kind(documents)) == demo.logits("how apples grow", documents)


def test_a_path_is_a_folder_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo: Reranker) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownModel, match=str(tmp_path / "demo")):
        Reranker(Path("demo"))
    (tmp_path / "demo").symlink_to(demo_model_directory())
    with Reranker(Path("demo"), threads=1, cache_dir=tmp_path / "cache") as reranker:
        assert reranker.digest == demo.digest


def test_a_top_n_below_one_is_refused(demo: Reranker) -> None:
    with pytest.raises(InvalidField, match="top_n is 0"):
        demo.rank("q", ["a"], top_n=0)


@pytest.mark.parametrize("top_n", ["1", 1.5, True])
def test_a_top_n_that_is_no_whole_number_is_refused(demo: Reranker, top_n: Any) -> None:
    with pytest.raises(InvalidField, match="top_n must be a whole number"):
        demo.rank("q", ["a"], top_n=top_n)


def test_a_top_n_of_another_library_is_a_whole_number(demo: Reranker) -> None:
    assert len(demo.rank("q", ["a", "b"], top_n=np.int64(1))) == 1  # type: ignore[arg-type] # what callers have


def test_a_model_that_is_refused_at_warm_up_leaves_no_thread(tmp_path: Path) -> None:
    model = packed_model("xlm-roberta")
    model.get_parameter("classifier.out_proj.bias").data[0] = float("nan")
    save(model, write_tokenizer(tmp_path))
    before = set(threading.enumerate())
    with pytest.raises(CorruptFile, match="logit of a pair of 32 tokens is nan"):
        Reranker(str(tmp_path), threads=1)
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("engine-")]


def test_a_closed_reranker_says_that_it_is_closed() -> None:
    reranker = Reranker("demo", threads=1)
    reranker.close()
    reranker.close()
    with pytest.raises(Draining, match="was closed"):
        reranker.rank("q", ["a"])


FORKS = """
import os, sys
from bge_reranker import Reranker
from bge_reranker.errors import RerankerError

def in_child(work):
    process = os.fork()
    if process == 0:
        try:
            work()
        except RerankerError as error:
            print(error.code, error.sentence(), flush=True)
        # As multiprocessing ends its children; of torch's own exit handlers a forked process may die.
        os._exit(0)
    assert os.waitpid(process, 0)[1] == 0

def make_another():
    with Reranker(runtime=sys.argv[1]) as another:
        print(len(another.rank("q", ["a", "b"])), flush=True)

with Reranker(runtime=sys.argv[1]) as reranker:
    reranker.rank("q", ["a"])
    in_child(lambda: reranker.rank("q", ["a"]))
    in_child(reranker.close)
    in_child(make_another)
    print(len(reranker.rank("q", ["a", "b", "c"])), flush=True)
"""


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_a_forked_child_is_told_to_make_its_own_and_the_parent_ranks_on(runtime: str) -> None:
    answer = subprocess.run([sys.executable, "-c", FORKS, runtime], capture_output=True, text=True, check=False)
    used, another, parent = answer.stdout.splitlines()
    assert used.startswith("WorkerDied This reranker was made in process")
    assert "Make it after the fork" in used
    if runtime == "openvino":
        assert another == "2"
    else:
        assert another.startswith("SettingsError This process was forked from one that had a model of torch already.")
    assert parent == "3"
    assert answer.returncode == 0, answer.stderr
