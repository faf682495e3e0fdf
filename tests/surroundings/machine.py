"""Surroundings that a test makes for a process: an older processor, fewer cores, a control group with limits."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bge_reranker.model.machine.control_groups import ROOT
from bge_reranker.model.machine.processor import CPUINFO, INSTRUCTION_SETS
from tests.in_ci import lacking


def processor_without(*lost: str, scratch: Path) -> list[str]:
    """Hide instruction sets in the kernel's account of the processor, in a mount namespace of the command's own.

    Args:
        lost: What the processor shall not have, in the kernel's words.
        scratch: An empty folder.
    """
    assert set(lost) <= set(INSTRUCTION_SETS)
    _require_root()
    lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    account = scratch / "cpuinfo"
    account.write_text("\n".join(_without(line, lost) for line in lines) + "\n", encoding="utf-8")
    return ["unshare", "--mount", "sh", "-c", f'mount --bind "{account}" {CPUINFO} && exec "$@"', "sh"]


def one_core() -> list[str]:
    """Leave the command one of the cores that this process has."""
    return ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]


@contextmanager
def control_group(controller: str, limits: dict[str, str]) -> Iterator[list[str]]:
    """Make a control group with limits for one command, which must have ended when the block does.

    Args:
        controller: `cpu` or `memory`.
        limits: Values by file of version 1; `cpu.max` or `memory.max` of version 2 follow from them.
    """
    _require_root()
    is_version_2 = (ROOT / "cgroup.controllers").exists()
    folder = (ROOT if is_version_2 else ROOT / controller) / f"bge-reranker-test-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
    except OSError as error:
        lacking(f"a control group cannot be made here: {error}")
    try:
        for file, value in (_version_2(limits) if is_version_2 else limits).items():
            (folder / file).write_text(value, encoding="ascii")
        yield ["sh", "-c", f'echo $$ > "{folder}/cgroup.procs" && exec "$@"', "sh"]
    finally:
        folder.rmdir()


def _without(line: str, lost: tuple[str, ...]) -> str:
    if not line.startswith("flags"):
        return line
    name, _, flags = line.partition(":")
    return f"{name}: {' '.join(flag for flag in flags.split() if flag not in lost)}"


def _version_2(limits: dict[str, str]) -> dict[str, str]:
    if "memory.limit_in_bytes" in limits:
        return {"memory.max": limits["memory.limit_in_bytes"]}
    return {"cpu.max": f"{limits['cpu.cfs_quota_us']} {limits['cpu.cfs_period_us']}"}


def _require_root() -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        lacking("mounting and control groups need root and util-linux")
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        lacking("this container may not make mount namespaces")
