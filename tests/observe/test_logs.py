from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from bge_reranker.observe.logs import adopt_loggers, configure_logs
from bge_reranker.settings import ObserveSettings

ACTED_ON = "\x1b[31m\x9b2J\u202e\r\n\x7f\udc80\x07"
"""Colours, a cleared screen, text that runs backwards, another line, and what cannot be written at all."""

SHOWN = r"\x1b[31m\x9b2J\u202e\r\n\x7f\udc80\x07"


@pytest.fixture
def root() -> Iterator[None]:
    """Put back what the logs of this process were."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.captureWarnings(False)


def written(log_format: Literal["json", "console"]) -> io.StringIO:
    stream = io.StringIO()
    configure_logs(ObserveSettings(log_format=log_format), stream)
    return stream


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.usefixtures("root")
def test_nothing_that_a_terminal_acts_on_is_logged_whoever_logs_it(log_format: Literal["json", "console"]) -> None:
    stream = written(log_format)
    structlog.get_logger("ours").info("request", path=ACTED_ON, notes=[ACTED_ON], nested={ACTED_ON: ACTED_ON})
    logging.getLogger("theirs").warning("of %s", ACTED_ON)
    assert not set(stream.getvalue()) & set(ACTED_ON) - set("\n[31m2J")
    assert len(stream.getvalue().splitlines()) == 2
    stream.getvalue().encode()


@pytest.mark.usefixtures("root")
def test_what_was_taken_out_is_shown() -> None:
    stream = written("json")
    structlog.get_logger("ours").info("request", path=ACTED_ON, trace="a\n\tb\x1b")
    said = json.loads(stream.getvalue())
    assert said["path"] == SHOWN
    assert said["trace"] == "a\n\tb\\x1b"


@pytest.mark.usefixtures("root")
def test_an_exception_that_a_library_logs_keeps_its_frames_and_loses_its_message() -> None:
    stream = written("json")
    try:
        int("the text of a document")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    said = json.loads(stream.getvalue())
    assert "test_logs.py" in said["exception"]
    assert said["exception"].endswith("ValueError")
    assert "invalid literal" not in stream.getvalue()


@pytest.mark.usefixtures("root")
def test_an_exception_that_we_log_is_written_as_a_whole() -> None:
    stream = written("json")
    try:
        int("no such thing")
    except ValueError:
        structlog.get_logger("ours").error("broke", exc_info=True)
    assert json.loads(stream.getvalue())["exception"].endswith("base 10: 'no such thing'")


@pytest.mark.usefixtures("root")
def test_what_a_library_logs_through_a_handler_of_its_own_comes_in_the_form_of_everything_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = written("json")
    theirs = logging.getLogger("theirs.own")
    theirs.addHandler(logging.StreamHandler())
    theirs.propagate = False
    adopt_loggers()
    theirs.warning("once")
    warnings.showwarning("of Python", UserWarning, "file.py", 1)
    assert [json.loads(line)["logger"] for line in stream.getvalue().splitlines()] == ["theirs.own", "py.warnings"]
    assert capsys.readouterr().err == ""
