"""XLM-RoBERTa: RoBERTa over another vocabulary, with the same names."""

from __future__ import annotations

from .roberta import Roberta


class XlmRoberta(Roberta):
    """Checkpoints of `XLMRobertaForSequenceClassification`.

    Source: modeling_xlm_roberta.py of transformers 5.23.
    """

    model_type = "xlm-roberta"
