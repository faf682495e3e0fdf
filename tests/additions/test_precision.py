"""A precision that torch computes costs its description and the body of its linear layers."""

from __future__ import annotations

import json

import numpy as np

from .tree import TreeCopy

PRECISION = "service/src/bge_reranker/precision.py"
LINEAR = "service/src/bge_reranker/model/torch/linear.py"

DESCRIPTION = """        Precision(
            name="toy12",
            stored_form="F32",
            agreement_bound=1e-3,
            published_bound=0.05,
            torch_dtype="float32",
        ),"""

CHOICE = """    if placement.precision.name == "toy12":
        return Toy12Linear()"""

BODY = '''
class Toy12Linear:
    """Weights in 12 bits with a scale for each output, inputs in floating point."""

    name = "toy12"
    is_lossy = True

    def pack(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Round to 12 bits."""
        scale = weight.abs().amax(dim=1).clamp(min=1e-30) / 2047
        return (weight / scale[:, None]).round().to(torch.int16), scale

    def unpack(self, weight: tuple[Tensor, Tensor]) -> Tensor:
        """Return the rounded weight."""
        values, scale = weight
        return values * scale[:, None]

    def reference(self) -> LinearBody[tuple[Tensor, Tensor]]:
        """Return the plain body over the rounded weight."""
        return UnpackingLinear(self)

    def apply(self, rows: Tensor, weight: tuple[Tensor, Tensor], bias: Tensor, *, gelu: bool) -> Tensor:
        """Multiply with the integers, then scale the outputs."""
        values, scale = weight
        out = functional.linear(rows, values.to(rows.dtype)) * scale + bias
        return functional.gelu(out) if gelu else out

'''

SCORES = """
import json, sys
from bge_reranker.reranker import Reranker

def scores(precision):
    with Reranker("demo", device="cpu", runtime="torch", precision=precision, threads=1) as reranker:
        logits = reranker.logits("what do pandas eat?", ["Bamboo.", "Paris is in France.", "The panda eats bamboo."])
        return {"logits": list(logits), "precision": reranker.precision, "notes": reranker.notes}

print(json.dumps({precision: scores(precision) for precision in ("float32", "toy12")}))
"""


def test_torch_precision_costs_its_description_and_a_body(tree: TreeCopy) -> None:
    tree.insert(PRECISION, '    "int8",', '    "toy12",')
    tree.insert(PRECISION, "        INT8,", DESCRIPTION)
    tree.insert(LINEAR, "Choose the body that warm-up shall try.", CHOICE)
    tree.insert(LINEAR, "Rows that oneDNN shall expect", BODY)
    assert len(tree.touched) == 2

    generated = tree.run("-m", "generate")
    assert generated.returncode == 0, generated.stderr
    schema = json.loads((tree.root / "charts/bge-reranker/values.schema.json").read_text())
    config = schema["properties"]["config"]["properties"]
    assert "toy12" in config["model"]["properties"]["precision"]["examples"]

    scored = tree.run("-c", SCORES)
    assert scored.returncode == 0, scored.stderr
    found = json.loads(scored.stdout)
    assert (found["toy12"]["precision"], found["toy12"]["notes"]) == ("toy12", [])
    difference = np.abs(np.subtract(found["toy12"]["logits"], found["float32"]["logits"])).max()
    assert 0 < difference < 0.05
