"""The last words of a process."""

from __future__ import annotations

import json
from pathlib import Path

from bge_reranker.errors import DiskFull, UnknownModel, error_codes
from bge_reranker.termination import MAX_BYTES, termination_message, write_termination_message


def test_the_message_has_code_message_remedy_and_figures(tmp_path: Path) -> None:
    write_termination_message(DiskFull("Full.", figures={"free_bytes": 1}), tmp_path / "log")
    message = json.loads((tmp_path / "log").read_bytes())
    remedy = DiskFull.usual_remedy
    assert message == {"code": "DiskFull", "message": "Full.", "remedy": remedy, "figures": {"free_bytes": 1}}


def test_a_long_message_is_cut_to_what_kubernetes_reads() -> None:
    error = UnknownModel('ü"\n' * 5_000, remedy="x" * 9_000, figures={"long": "y" * 9_000})
    encoded = termination_message(error)
    assert len(encoded) <= MAX_BYTES
    message = json.loads(encoded)
    assert message["code"] == "UnknownModel"
    assert message["message"].startswith('ü"\n')
    assert message["remedy"].startswith("xxx")


def test_a_place_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    write_termination_message(UnknownModel("No."), tmp_path / "no" / "log")
    assert list(tmp_path.iterdir()) == []


def test_every_failure_of_a_model_has_an_exit_code_of_its_own_and_a_remedy() -> None:
    from bge_reranker.errors import ModelError  # noqa: PLC0415 - the tree's branch

    kinds = ModelError.__subclasses__()
    assert {kind.__name__ for kind in kinds} <= set(error_codes())
    assert len({kind.exit_code for kind in kinds}) == len(kinds)
    assert all(kind.exit_code > 2 and kind.usual_remedy and kind.__doc__ for kind in kinds)
