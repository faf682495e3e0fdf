"""sentence-transformers' CrossEncoder on ONNX Runtime with its own dynamic int8 export for AVX512-VNNI."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from sentence_transformers import CrossEncoder, export_dynamic_quantized_onnx_model

from tests.bench.peers.drivers.driving import Request, Score, drive
from tests.bench.peers.drivers.sentence_transformers_float32 import scoring

_FILE = "onnx/model_qint8_avx512_vnni.onnx"


def load(folder: Path, requests: list[Request], kept: Path) -> Score:
    if not kept.exists():
        _export(folder, kept)
    model = CrossEncoder(str(kept), backend="onnx", max_length=512, model_kwargs={"file_name": _FILE})
    return scoring(model, requests)


def _export(folder: Path, kept: Path) -> None:
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        view = Path(scratch) / "model"
        view.mkdir()
        for path in folder.iterdir():
            shutil.copy(path, view / path.name)
        exported = CrossEncoder(str(view), backend="onnx", max_length=512)
        exported.save_pretrained(str(view))
        export_dynamic_quantized_onnx_model(exported, "avx512_vnni", str(view))
        view.rename(kept)


if __name__ == "__main__":
    drive(load)
