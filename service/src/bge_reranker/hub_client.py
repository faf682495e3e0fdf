"""What the hub's client, huggingface_hub, reads of the environment when it is imported, and dies of.

The client itself is not imported here: a start that needs no hub would wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import SettingsError
from .plain_numbers import plain_whole_number

_TIMEOUTS = ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT")
"""Variables that it reads as whole numbers."""


def refuse_unreadable(environment: Mapping[str, str]) -> None:
    """Refuse values that the client cannot read; called by whoever is about to import it, or transformers.

    Args:
        environment: This process's, which is the one that the client reads.

    Raises:
        SettingsError: If a timeout is no whole number of seconds.
    """
    for name in _TIMEOUTS:
        value = environment.get(name)
        if value is not None and (plain_whole_number(value.strip()) or 0) <= 0:
            raise SettingsError(
                f"{name} is {value!r}, and the hub's client takes whole seconds only.",
                remedy="Write a whole number above 0, or unset it.",
            )
