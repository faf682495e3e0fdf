"""A checkpoint folder: what its config.json claims, which files hold the weights, and which scorer may serve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...checkpoint_files import CONFIG_FILE, weights_in
from ...checkpoint_json import USE_PUBLISHED, read_json_object
from ...errors import CorruptFile, UnknownModel
from ..families.dual import DUAL_ARCHITECTURES
from ..families.geometry import Geometry
from ..families.registry import FAMILIES
from .acceptance import accepted_architecture


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder that may be served."""

    directory: Path
    """Where it lies."""

    architecture: str
    """Class name in config.json."""

    config: Mapping[str, object]
    """The parsed config.json."""

    weight_files: tuple[Path, ...]
    """Safetensors files, each once."""

    geometry: Geometry | None
    """Sizes of the packed network; None where transformers must compute it."""

    fallback_reason: str
    """Why transformers must compute it; empty for the packed network."""

    quantisation: Mapping[str, object] | None = None
    """What `bge-reranker quantise` wrote into config.json, its price included; None for floating point."""

    @property
    def openvino_objection(self) -> str:
        """Why OpenVINO cannot compute it; empty where it can."""
        if self.geometry is None:
            return f"it goes through transformers ({self.fallback_reason})"
        if not self.geometry.family.has_openvino_graph:
            return f"{self.architecture} has no OpenVINO graph"
        return ""


def read_checkpoint(directory: Path) -> Checkpoint:
    """Read config.json and the list of weight files, and decide who serves the checkpoint.

    Raises:
        UnknownModel: If there is no such folder, or no config.json in it.
        CorruptFile: If config.json or the index of shards cannot be used.
        WrongArchitecture: If it is not a sequence classifier with one logit.
        MissingHead: If it is an encoder without a classification head.
        UnsafeFormat: If the weights are in pickles only.
    """
    config = _read_config(directory)
    architecture = accepted_architecture(config)
    files = tuple(directory / name for name in weights_in(directory).files)
    if architecture in DUAL_ARCHITECTURES:
        return Checkpoint(directory, architecture, config, files, None, f"{architecture} is a dual encoder")
    family = FAMILIES.get(architecture)
    if family is None:
        return Checkpoint(directory, architecture, config, files, None, f"{architecture} has no packed network")
    if config.get("model_type") != family.model_type:
        raise CorruptFile(
            f"{CONFIG_FILE}: model_type is {config.get('model_type')!r}; expected {family.model_type!r} beside "
            f"{architecture}.",
            remedy=USE_PUBLISHED,
        )
    reason = family.why_not_packed(config)
    geometry = family.read_geometry(config) if reason is None else None
    quantisation = config.get("quantization_config")
    return Checkpoint(
        directory,
        architecture,
        config,
        files,
        geometry,
        reason or "",
        quantisation if isinstance(quantisation, dict) and quantisation else None,
    )


def _read_config(directory: Path) -> dict[str, object]:
    path = directory / CONFIG_FILE
    if not path.is_file():
        raise UnknownModel(
            f"{directory}: no {CONFIG_FILE} there.",
            remedy="Give the folder of a Hugging Face checkpoint: config.json, tokenizer.json, model.safetensors.",
        )
    return read_json_object(path)
