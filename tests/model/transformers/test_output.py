"""What is printed while transformers loads, in a process that logs JSON."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from transformers.utils import logging as library

from bge_reranker.model.load import load_scorer

from ..checkpoints import save, sequence_classifier
from .test_scorer import CONFIGS, CPU


def test_no_progress_bar_is_printed_while_a_model_is_loaded_and_both_are_as_before(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    save(sequence_classifier(CONFIGS["electra"]), tmp_path)
    before = logging.getLogger("transformers").handlers[:]
    assert library.is_progress_bar_enabled()
    capfd.readouterr()
    load_scorer(tmp_path, CPU).close()
    assert capfd.readouterr().err == ""
    assert library.is_progress_bar_enabled()
    assert logging.getLogger("transformers").handlers == before
