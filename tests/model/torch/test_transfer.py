"""Copies by event, on a played device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bge_reranker.model.torch.transfer import PinnedTransfer


class _Event:
    """Notes the streams that it is recorded in."""

    def __init__(self, streams: list[Any]) -> None:
        self._streams = streams

    def record(self, stream: Any = None) -> None:
        self._streams.append(stream)


def _events(streams: list[Any]) -> Callable[..., _Event]:
    return lambda **_options: _Event(streams)


def test_the_end_of_a_copy_is_awaited_in_the_stream_of_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    streams: list[Any] = []
    monkeypatch.setattr(torch.cuda, "Event", _events(streams))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: f"stream of {device}")

    PinnedTransfer(torch.device("cuda:1")).open().bring(torch.empty(0))

    assert streams == ["stream of cuda:1"]
