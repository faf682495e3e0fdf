"""What one addition to the cluster consists of; `additions` lists them, a module each has what it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.cluster.images import ProgramImage
from tests.cluster.tools import Built


def _no_images() -> list[ProgramImage]:
    return []


@dataclass(frozen=True)
class Addition:
    """Something that the cluster has on request.

    Attributes:
        start: Asks the cluster for it and waits until it answers; does no harm where it is there already.
        tools: What is built for it from source.
        programs: Programs that must be on the machine, and the Debian package of each.
        images: What both nodes hold for it; looked up when asked, since programs may yet have to be built.
    """

    start: Callable[[], None]
    tools: Sequence[Built] = ()
    programs: Mapping[str, str] = field(default_factory=dict)
    images: Callable[[], list[ProgramImage]] = _no_images
