"""What is examined: effective settings, an environment, and the model that they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

from safetensors import SafetensorError, safe_open

from ..checkpoint_files import weights_in
from ..errors import RerankerError
from ..precision import PRECISIONS
from ..settings import Settings
from ..store.model_directory import ModelDirectory
from ..store.resolve import resolve_model
from .finding import shown_bytes

LARGE_PARAMETERS = 559_891_457
"""Parameters of bge-reranker-large, which is meant where no model is there to be counted."""

_STORED_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I8": 1}


@dataclass(frozen=True, slots=True)
class Weights:
    """How large a model is in the precision that it is served in."""

    parameters: int
    bytes_each: int
    precision: str
    is_counted: bool
    """Whether they were counted, or taken from the usual model."""

    @property
    def size_bytes(self) -> int:
        """What they take in memory."""
        return self.parameters * self.bytes_each

    @property
    def described(self) -> str:
        """For sentences."""
        what = "the model" if self.is_counted else "bge-reranker-large"
        return f"{what} takes {shown_bytes(self.size_bytes)} in {self.precision}"


@dataclass(frozen=True)
class Subject:
    """One set of settings on this machine."""

    settings: Settings
    environment: Mapping[str, str]

    @cached_property
    def model(self) -> ModelDirectory | RerankerError:
        """The model's folder, or why there is none."""
        try:
            return resolve_model(self.settings.model.source, self.environment, self.settings.model)
        except RerankerError as error:
            return error

    def weights(self, *, on_gpu: bool) -> Weights:
        """How much memory the weights take on a GPU, or on the CPU."""
        counted = self._counted
        precision = self.settings.model.precision
        name = ("float16" if on_gpu else "float32") if precision == "auto" else precision
        bytes_each = _STORED_BYTES[PRECISIONS[name].stored_form]
        return Weights(counted or LARGE_PARAMETERS, bytes_each, name, counted is not None)

    @cached_property
    def _counted(self) -> int | None:
        if isinstance(self.model, RerankerError):
            return None
        total = 0
        try:
            for name in weights_in(self.model.path, allow_pickle=False).names:
                with safe_open(self.model.path / name, framework="numpy") as file:
                    total += sum(prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118 - no dict
        except (RerankerError, SafetensorError, OSError):
            return None
        return total
