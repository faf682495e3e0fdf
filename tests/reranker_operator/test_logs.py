from __future__ import annotations

import json
import logging

from reranker_operator.logs import JsonLines


def test_a_line_is_json_with_everything_that_was_passed() -> None:
    record = logging.makeLogRecord({"msg": "lease_%s", "args": ("lost",), "levelname": "WARNING", "holder": "other"})
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["level"], line["holder"]) == ("lease_lost", "warning", "other")
    assert "args" not in line
