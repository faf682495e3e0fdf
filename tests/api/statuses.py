"""The HTTP status of each case in each dialect, as its own server has it: written down here, not read from ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CASES: Final = (
    "empty", "too_many", "too_long", "bad_type", "bad_json", "overloaded", "not_ready", "unscored", "wrong_key",
)  # fmt: skip
"""What can be wrong, as far as dialects disagree about it."""

STATUSES: Final[Mapping[str, tuple[int, ...]]] = {
    #               empty  many  long  type  json  full  not ready  unscored  wrong key
    "native":      (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "tei":         (400,   422,  422,  422,  400,  429,  503,       424,      401),
    "tei-predict": (400,   422,  422,  422,  400,  429,  503,       424,      401),
    "tei-vertex":  (400,   422,  422,  422,  400,  429,  503,       424,      401),
    "cohere-v1":   (422,   422,  422,  422,  400,  429,  503,       500,      401),
    "cohere-v2":   (422,   422,  422,  422,  400,  429,  503,       500,      401),
    "jina":        (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "vllm":        (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "vllm-score":  (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "nim":         (422,   422,  400,  422,  422,  429,  503,       500,      403),
    "voyage":      (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "mixedbread":  (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "weaviate":    (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "ovms":        (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "llamacpp":    (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "infinity":    (422,   422,  422,  422,  422,  429,  503,       500,      401),
    "sglang":      (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "pinecone":    (400,   400,  400,  400,  400,  429,  503,       500,      401),
    "sagemaker":   (400,   400,  400,  400,  400,  429,  503,       500,      403),
}  # fmt: skip
"""HTTP status of each case in each dialect. NVIDIA's and Amazon's own services refuse a wrong key with 403."""


def status(dialect: str, case: str) -> int:
    """The status of one case in one dialect."""
    return STATUSES[dialect][CASES.index(case)]
