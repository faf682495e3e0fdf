"""The finished checkpoint as a scoring callable."""

from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def checkpoint_scorer(directory: Path) -> Callable[[str, list[str]], list[float]]:
    """Loads a checkpoint folder in float32.

    Args:
        directory: A folder that `transformers` can load.

    Returns:
        A callable from a query and documents to their logits.
    """
    tokenizer = AutoTokenizer.from_pretrained(directory)
    network = AutoModelForSequenceClassification.from_pretrained(directory, dtype=torch.float32).eval()

    def score(query: str, documents: list[str]) -> list[float]:
        pairs = tokenizer([query] * len(documents), documents, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            logits = network(**pairs).logits[:, 0]
        return [float(logit) for logit in logits]

    return score
