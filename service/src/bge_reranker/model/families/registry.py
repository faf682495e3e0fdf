"""Which family an architecture is of."""

from __future__ import annotations

from collections.abc import Mapping

from .bert import Bert
from .family import Family
from .roberta import Roberta
from .xlm_roberta import XlmRoberta

FAMILIES: Mapping[str, Family] = {
    "XLMRobertaForSequenceClassification": XlmRoberta(),
    "RobertaForSequenceClassification": Roberta(),
    "BertForSequenceClassification": Bert(),
}
"""Families by the class name in config.json; any other architecture goes through transformers."""
