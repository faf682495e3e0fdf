"""What a tokenizer's normalizer, pre-tokenizer or decoder does, one step after another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def steps(component: Any, children: str) -> list[Mapping[str, Any]]:
    """Flatten a component as tokenizer.json has it.

    Args:
        component: A normalizer, pre-tokenizer or decoder of the tokenizers library, or None.
        children: The field by which a sequence of such components names its members.
    """
    if component is None:
        return []
    found, waiting = [], [json.loads(component.__getstate__())]
    while waiting:
        step = waiting.pop()
        nested = step.get(children)
        if isinstance(nested, list):
            waiting.extend(reversed(nested))
        else:
            found.append(step)
    return found
