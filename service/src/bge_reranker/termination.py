"""The termination message of a process that fails: one JSON object for whoever watches its pod."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from .errors import RerankerError

DEFAULT_FILE = Path("/dev/termination-log")
"""Where Kubernetes looks; in no other place is it there."""

MAX_BYTES = 4_096
"""What Kubernetes reads of it."""


def write_termination_message(error: RerankerError, file: Path = DEFAULT_FILE) -> None:
    """Write code, message, remedy and figures; without effect where nobody made the default file.

    Args:
        error: What the process ends with.
        file: Where to.
    """
    if file == DEFAULT_FILE and not file.exists():
        return
    # A process that fails has worse news than this.
    with suppress(OSError):
        file.write_bytes(termination_message(error))


def termination_message(error: RerankerError) -> bytes:
    """The message, cut where it would be longer than Kubernetes reads."""
    content: dict[str, object] = {
        "code": error.code,
        "message": error.message,
        "remedy": error.remedy,
        "figures": error.figures,
    }
    encoded = _encoded(content)
    if len(encoded) > MAX_BYTES:
        content["figures"] = {}
        room = MAX_BYTES - len(_encoded(content | {"message": "", "remedy": ""}))
        content |= {"remedy": _cut(error.remedy, room // 4), "message": _cut(error.message, room * 3 // 4)}
        encoded = _encoded(content)
    return encoded


def _encoded(content: dict[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False, default=str).encode(errors="replace")


def _cut(text: str, room_bytes: int) -> str:
    """The start of a text that takes so many bytes at most as a JSON string."""
    while len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) - 2 > room_bytes:
        text = text[: -max(1, len(text) // 16)]
    return text
