from __future__ import annotations

import pytest
from click.testing import CliRunner

from bge_reranker.cli.main import program


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["serve", "--port", "8_000"], "integer"),
        (["serve", "--deadline-s", "1_0"], "float"),
        (["rerank", "query", "--top-n", "\uff15"], "integer"),
        (["model", "gc", "--keep", "+1"], "integer"),
    ],
)
def test_a_number_in_other_than_ascii_digits_is_refused(arguments: list[str], kind: str) -> None:
    ended = CliRunner().invoke(program, arguments)
    assert ended.exit_code == 2
    assert f"{arguments[-1]!r} is not a valid {kind}" in ended.output
