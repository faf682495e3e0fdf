from __future__ import annotations

from pathlib import Path

import pytest

from .comparison import check
from .report import write_report

LOGITS = [0.11, -0.42, 0.35, 0.02]


def test_check_passes_the_same_logits_with_the_rounding_of_their_precision() -> None:
    check([value + 1e-4 for value in LOGITS], LOGITS, "float32")
    check([value + 0.02 * (-1) ** index for index, value in enumerate(LOGITS)], LOGITS, "int8")


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_check_refuses_logits_in_another_order(precision: str) -> None:
    with pytest.raises(RuntimeError, match="not the same model"):
        check(LOGITS[::-1], LOGITS, precision)


def test_report_replaces_its_own_section_and_states_every_ratio(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("before\n<!-- peers: begin -->\nold\n<!-- peers: end -->\nafter\n", encoding="utf-8")
    row = {"check": "scores agree", "start_s": 1.0, "resident_mib": 10.0}
    cells = {"tokens": 100, "seconds": 1.0, "latencies_s": [0.5], "generator_cpu_s": 0.1}
    measured = {
        "shape": "base",
        "attended_tokens": 200.0,
        "command": "make bench-peers",
        "machine": "a machine",
        "date": "2026-11-27T00:00:00+00:00",
        "seconds": 1.0,
        "matrix_gflops": [{"int8": 100.0, "float32": 25.0}],
        "int8_shares": [{"linear": 0.8, "attention": 0.2}],
        "contestants": {
            "int8": {
                **row,
                "name": "ours",
                "lone_s": {"1": [0.05, 0.06, 0.09], "5": [0.25]},
                "cells": [{**cells, "clients": 4}],
            },
            "openvino": {**row, "name": "bare", "cells": [{**cells, "tokens": 50, "latencies_s": [], "clients": 0}]},
        },
    }
    write_report({"base, 4 clients": measured}, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "int8 beside bare: 2.00x at 4 clients (wanted 0.9x)" in text
    assert "80% linear, 20% attention; if only its linear layers took time: 2.5x bare" in text
    assert "| 1.0 | 60 | 250 | - |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert (tmp_path / "plots" / "base-4-clients-tokens.svg").exists()
