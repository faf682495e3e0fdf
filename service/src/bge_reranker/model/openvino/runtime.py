"""OpenVINO, imported here only, without the report that it makes of every import.

`import openvino` sends an event to Google Analytics where the package openvino_telemetry is installed, from a fork of
this process, and keeps an identifier in `~/intel`. Nothing of ours leaves the machine unasked.
"""

from __future__ import annotations

import sys

# OpenVINO takes a stub where the package cannot be imported, and None is how Python marks that.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # see above

import openvino  # noqa: E402 - see above
from openvino import CompiledModel, InferRequest, Model, Node  # noqa: E402
from openvino import opset13 as ops  # noqa: E402

__all__ = ["CompiledModel", "InferRequest", "Model", "Node", "openvino", "ops"]
