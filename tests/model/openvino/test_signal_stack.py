from __future__ import annotations

import subprocess
import sys

import pytest

_SIGNAL_AFTER_MODELS = """
import os, signal
from bge_reranker.demo import demo_model_directory
from bge_reranker.model.load import load_scorer
from bge_reranker.settings import ModelSettings
heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append("heard"))
settings = ModelSettings(device="cpu", runtime="openvino", threads=1)
first = load_scorer(demo_model_directory(), settings)
second = load_scorer(demo_model_directory(), settings)
del first
del second
os.kill(os.getpid(), signal.SIGTERM)
print(*heard)
"""


@pytest.mark.parametrize("flags", [[], ["-X", "faulthandler"]], ids=["no-signal-stack", "a-signal-stack"])
def test_a_signal_after_models_are_gone_reaches_its_handler(flags: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, *flags, "-c", _SIGNAL_AFTER_MODELS], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "heard"), ended.stderr
