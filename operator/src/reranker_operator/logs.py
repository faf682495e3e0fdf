"""One JSON object a line on standard error, ours and kopf's alike."""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import Any

from typing_extensions import override

_OWN_KEYS = frozenset(vars(logging.makeLogRecord({}))) | frozenset(
    {"message", "asctime", "settings", "k8s_skip", "k8s_ref"}
)


class JsonLines(logging.Formatter):
    """Time, level, logger, event and whatever was passed as `extra`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, tz=dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **{key: value for key, value in vars(record).items() if key not in _OWN_KEYS},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(level: str) -> None:
    """Log everything of at least this level as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.root.handlers = [handler]
    logging.root.setLevel(level.upper())
    # Every event and request, which at `info` is too much to read.
    for name in ("kopf", "aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.root.level))
