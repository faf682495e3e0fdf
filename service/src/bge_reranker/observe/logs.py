"""Structured logs on standard error: one JSON object a line, or lines for people on a terminal."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from typing import Any, Final, TextIO

import structlog

from ..errors.printable import printable
from ..settings import ObserveSettings

_SEVERAL_LINES: Final = frozenset({"exception", "stack", "trace"})
"""Values that are written over several lines."""


def configure_logs(settings: ObserveSettings, stream: TextIO | None = None) -> None:
    """Send our own events and those of libraries through one formatter.

    Args:
        settings: Level and format.
        stream: Where the lines go; standard error by default.
    """
    stream = stream or sys.stderr
    json_wanted = settings.log_format == "json" or (settings.log_format == "auto" and not stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json_wanted
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _frames_only],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _without_escapes,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # Else Python writes its warnings between the lines.
    logging.captureWarnings(True)
    # uvicorn's own lines repeat ours; its warnings and errors stay.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
        logging.getLogger(name).setLevel(logging.WARNING)
    # HTTP clients tell of every request with its whole address: with passwords and signatures.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)


def adopt_loggers() -> None:
    """Send what libraries log through handlers of their own the way of everything else; once they are imported."""
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and any(
            type(handler) is logging.StreamHandler for handler in logger.handlers
        ):
            logger.handlers.clear()
            logger.propagate = True


def _frames_only(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Drop the message of an exception that a library logs: it may repeat a text of a request."""
    raised = event.pop("exc_info", None)
    if isinstance(raised, tuple) and raised[0] is not None:
        event["exception"] = "".join([*traceback.format_tb(raised[2]), raised[0].__name__])
    return event


def _without_escapes(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Take out of every value what a terminal would act on: paths, names and messages come from others."""
    return {key: _shown(value, keeps_lines=key in _SEVERAL_LINES) for key, value in event.items()}


def _shown(value: Any, *, keeps_lines: bool = False) -> Any:
    if isinstance(value, str):
        return printable(value, keeps_lines=keeps_lines)
    if isinstance(value, Mapping):
        return {_shown(key): _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value
