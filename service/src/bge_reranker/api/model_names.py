"""The model that a request names: echoed, or held against the served one where names are strict."""

from __future__ import annotations

from typing import Any

from ..errors import ModelNotServed

_SHOWN_CHARACTERS = 80
"""Most characters of a caller's model name that an error repeats."""


def model_name(asked: Any, served: str, *, is_strict: bool) -> str:
    """The model's name in the answer.

    Args:
        asked: What the caller sent as the model; null, the empty text and what is no text stand for the served one.
        served: Name of the served model.
        is_strict: Whether another name is refused.

    Raises:
        ModelNotServed: If another model is asked for and names are strict.
    """
    if asked is None or asked in ("", served):
        return served
    if is_strict:
        shown = repr(asked[:_SHOWN_CHARACTERS]) if isinstance(asked, str) else "of that type"
        raise ModelNotServed(
            f"The model {shown} is not served here.",
            remedy=f"Ask for {served!r}, for none, or unset the server's strictModelNames.",
        )
    return asked if isinstance(asked, str) else served
