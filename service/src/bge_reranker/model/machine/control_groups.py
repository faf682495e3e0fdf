"""Where the kernel keeps the limits of this process's control groups, versions 1 and 2."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
"""Where control groups are mounted; containers see their own group at the top."""

MEMBERSHIP = Path("/proc/self/cgroup")
"""Where the kernel says which groups this process is in."""


def group_folders(controller: str, root: Path = ROOT, membership: Path = MEMBERSHIP) -> list[Path]:
    """List the folders whose limits hold for this process: its own group first, the outermost last.

    A group that the mount does not show, as in a container without a namespace of its own, is left out.

    Args:
        controller: `cpu` or `memory`.
        root: The control group file system as this process sees it.
        membership: The kernel's account of the process's groups.
    """
    found = []
    for hierarchy, path in _groups(controller, membership):
        own = Path(path.lstrip("/"))
        if ".." not in own.parts:
            found += [root / hierarchy / group for group in (own, *own.parents)]
    # The tops themselves, whatever the kernel said: version 2, then version 1 with a controller or two a mount.
    found += [root, root / controller, root / f"{controller},{controller}acct"]
    return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def read_limit(path: Path) -> str:
    """Read one of the kernel's small files; empty where it is not there."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _groups(controller: str, membership: Path) -> list[tuple[str, str]]:
    """Mounts below the root and paths in them, of `N:controllers:path`; version 2 names no controllers."""
    groups = []
    for line in read_limit(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            groups.append((controllers, path))
    return groups
