"""The guide is run from end to end, its two languages say the same, and every value in it is one of the chart's."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chart.rendering import CHART, helm
from tests.control_plane.processes import free_port
from tests.live.redis_server import redis_server

from .blocks import Block, blocks_of
from .guide import CHINESE_GUIDE, GUIDE, Reader, complaint, steps


@pytest.mark.slow
def test_the_guide_works_as_printed_from_end_to_end(tmp_path: Path) -> None:
    followed = 0
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path))
        reader = Reader(tmp_path, {"8000": str(free_port()), "8001": str(free_port()), "6379": str(redis.port)})
        stack.callback(reader.stop)
        for step in steps():
            assert complaint(reader.follow(step), step.expected) == "", str(step.block)
            followed += 1
    assert followed > 15


def test_both_languages_have_the_same_blocks() -> None:
    english = [(block.language, block.text) for block in blocks_of(GUIDE)]
    assert [(block.language, block.text) for block in blocks_of(CHINESE_GUIDE)] == english


@pytest.mark.parametrize("block", [block for block in blocks_of(GUIDE) if block.language == "yaml"], ids=str)
def test_the_chart_takes_the_values_of_the_guide(block: Block) -> None:
    assert helm("template", "demo", str(CHART), "--values=-", text_input=block.text).stderr == ""


@pytest.mark.parametrize(
    ("printed", "expected", "is_right"),
    [
        ("rank score\n 1  0.66  AI", "1 0.6... AI", True),
        ("a\nnoise\nb", "a\nb", True),
        ("b\na", "a\nb", False),
        ("nothing", "", True),
        ("code 1", "code 2", False),
    ],
)
def test_an_output_is_compared_with_what_the_page_says(printed: str, expected: str, *, is_right: bool) -> None:
    assert (complaint(printed, expected) == "") is is_right
