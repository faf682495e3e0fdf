"""The folder of fetched models: kind of disk, room, and how fast it is read."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import RerankerError
from ...store.home import expanded
from ..finding import Finding, green, red, shown_bytes, yellow
from ..subject import Subject, Weights

_SLOW_BYTES_PER_S = 100_000_000
_MEASURED_BYTES = 268_435_456
"""Most that is read to measure; a second on a slow disk."""

_CHUNK_BYTES = 4_194_304
_TWO_VERSIONS = 2.2
"""Room that is wanted: the next version beside the present one."""


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """What is known of a folder."""

    path: str
    is_there: bool
    is_writable: bool = False
    free_bytes: int = 0
    file_system: str = ""
    is_rotating: bool | None = None
    """None where the kernel does not say, as of network file systems."""
    bytes_per_s: float | None = None
    """None where there is nothing to read."""


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the folder and read some of what is in it."""
    if subject.settings.model.cache_dir is None:
        yield green("cache", "no folder is set; the model is served where it lies")
        return
    facts = read_facts(expanded(subject.settings.model.cache_dir))
    yield judge(facts, subject.weights(on_gpu=False), has_model=not isinstance(subject.model, RerankerError))


def judge(facts: CacheFacts, weights: Weights, *, has_model: bool) -> Finding:
    """Judge by whether the model is or could be there, and how long it takes to read."""
    if not facts.is_there:
        return red("cache", f"{facts.path} is not there", "Make it, mount it, or set another model.cacheDir.")
    stored_bytes = weights.parameters * 4
    found = f"{facts.path}: {_disk(facts)}, {shown_bytes(facts.free_bytes)} free"
    if not has_model and not facts.is_writable:
        return red("cache", f"{found}, not writable", "Let this user write there, so that the model can be fetched.")
    if not has_model and facts.free_bytes < stored_bytes:
        return red("cache", found, f"Enlarge the volume: the weights may take {shown_bytes(stored_bytes)}.")
    if facts.is_writable and facts.free_bytes < stored_bytes * (_TWO_VERSIONS - has_model):
        return yellow("cache", found, "Enlarge the volume, so that the next version fits beside this one.")
    if facts.bytes_per_s is not None and facts.bytes_per_s < _SLOW_BYTES_PER_S:
        seconds = stored_bytes / facts.bytes_per_s
        return yellow(
            "cache",
            f"{found}, {facts.bytes_per_s / 1e6:.0f} MB/s: a start reads for {seconds:.0f} s",
            f"Use a faster disk, or allow for it (probes.startupSeconds above {2 * seconds:.0f}).",
        )
    speed = "" if facts.bytes_per_s is None else f", {facts.bytes_per_s / 1e6:,.0f} MB/s"
    return green("cache", found + speed)


def _disk(facts: CacheFacts) -> str:
    kind = {True: "a rotating disk", False: "a solid-state or virtual disk", None: ""}[facts.is_rotating]
    return ", ".join(filter(None, (facts.file_system or "an unknown file system", kind)))


def read_facts(folder: Path) -> CacheFacts:
    """Ask the kernel about a folder."""
    if not folder.is_dir():
        return CacheFacts(str(folder), is_there=False)
    return CacheFacts(
        path=str(folder),
        is_there=True,
        is_writable=os.access(folder, os.W_OK),
        free_bytes=shutil.disk_usage(folder).free,
        file_system=file_system_of(folder),
        is_rotating=_is_rotating(folder),
        bytes_per_s=read_speed(folder),
    )


def file_system_of(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The kind of the mount that a folder lies on; empty where the kernel does not say."""
    real, best = folder.resolve(), ("", "")
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        place, kind = line.split()[1:3]
        place = place.replace("\\040", " ")
        if real.is_relative_to(place) and len(place) >= len(best[0]):
            best = (place, kind)
    return best[1]


def _is_rotating(folder: Path) -> bool | None:
    number = folder.stat().st_dev
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    # A partition's queue is its disk's.
    for queue in (device / "queue", device.resolve().parent / "queue"):
        try:
            return (queue / "rotational").read_text(encoding="ascii").strip() == "1"
        except OSError:
            continue
    return None


def read_speed(folder: Path) -> float | None:
    """Bytes a second of the largest file below, after the kernel was asked to forget it."""
    size, largest = max(_readable(folder), default=(0, ""))
    if size < _CHUNK_BYTES:
        return None
    with open(largest, "rb", buffering=0) as file:  # noqa: PTH123 - a name, of which no path was made
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began, count = time.perf_counter(), 0
        while count < _MEASURED_BYTES and (chunk := file.read(_CHUNK_BYTES)):
            count += len(chunk)
        return count / max(time.perf_counter() - began, 1e-9)


def _readable(folder: Path) -> Iterator[tuple[int, str]]:
    """Size and name of each file below that this user may read; folders of others are passed over."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118 - one of many
            if os.path.isfile(path) and os.access(path, os.R_OK):  # noqa: PTH113
                yield os.path.getsize(path), path  # noqa: PTH202
