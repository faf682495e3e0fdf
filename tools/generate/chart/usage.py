"""Values against templates: a key that no template uses, or a use of no key."""

from __future__ import annotations

import re
from pathlib import Path

from .values_schema import leaves

_USE = re.compile(r"\.Values\.([A-Za-z0-9.]+[A-Za-z0-9])")


def differences(values: str, templates: Path) -> list[str]:
    """One sentence for each key without a use and each use without a key.

    A group is never used as a whole: templates name the key they mean, so that this can be seen.

    Args:
        values: Text of values.yaml.
        templates: The chart's folder of templates.
    """
    keys = set(leaves(values))
    texts = [path.read_text(encoding="utf-8") for path in sorted(templates.rglob("*")) if path.is_file()]
    used = {found for text in texts for found in _USE.findall(text)}
    unused = [f"values.yaml: {key} is used by no template." for key in sorted(keys) if not _is_used(key, used)]
    unknown = [f"templates: .Values.{use} is no key of values.yaml." for use in sorted(used) if not _is_key(use, keys)]
    return unused + unknown


def _is_used(key: str, used: set[str]) -> bool:
    return any(use == key or use.startswith(f"{key}.") for use in used)


def _is_key(use: str, keys: set[str]) -> bool:
    """A use may go on inside of a free-form key."""
    return any(use == key or use.startswith(f"{key}.") for key in keys)
