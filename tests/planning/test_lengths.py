"""Lengths of requests from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bge_reranker.demo import demo_model_directory
from bge_reranker.errors import SettingsError
from bge_reranker.planning.lengths import are_tokens, count_tokens, read_lines, read_tokens


def test_tokens_of_pairs_are_read_a_request_a_line(tmp_path: Path) -> None:
    file = tmp_path / "lengths.jsonl"
    file.write_text('{"tokens": [212, 180]}\n\n{"tokens": [7]}\n')
    lines = read_lines(file)
    assert are_tokens(lines)
    assert read_tokens(lines, "lengths.jsonl") == [[212, 180], [7]]


def test_texts_have_the_tokens_that_the_server_would_score() -> None:
    requests = [("deep learning", ["a neural network", "word " * 900])]
    [[short, long]] = count_tokens(requests, demo_model_directory(), 512)
    assert 4 < short < 20
    assert long == 512


@pytest.mark.parametrize("line", ["{}", '{"tokens": []}', '{"tokens": [0]}', '{"tokens": [true]}', "[1]", "{"])
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(SettingsError, match="line 2 has no list of tokens"):
        read_tokens(['{"tokens": [1]}', line], "file")


def test_an_empty_file_and_a_folder_that_is_none_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.write_text("\n")
    with pytest.raises(SettingsError, match="holds no request"):
        read_lines(file)
    with pytest.raises(SettingsError, match="is no folder"):
        count_tokens([], tmp_path / "none", 512)
