"""Promises of the tree itself."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).exists()]


def test_no_python_file_lies_directly_in_operator() -> None:
    # A package called operator would shadow the standard library's for anyone in that folder.
    assert not list((ROOT / "operator").glob("*.py"))
    assert not (ROOT / "tests" / "operator").exists()


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_every_makefile_target_is_explained_and_phony() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE))
    explained = set(re.findall(r"^([a-z][a-z0-9-]*):.*## \S", text, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split())  # type: ignore[union-attr]
    assert targets - explained == {"lock-check"}
    assert targets == phony


def test_bundle_and_both_packages_have_one_version() -> None:
    versions = {
        name: tomllib.loads((ROOT / name / "pyproject.toml").read_text())["project"]["version"]
        for name in (".", "service", "operator")
    }
    assert len(set(versions.values())) == 1, versions


def test_locks_hold_hashes_and_no_address() -> None:
    locks = list((ROOT / "requirements").glob("*.txt"))
    assert locks
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text, lock
        assert "--hash=sha256:" in text, lock


def test_no_tracked_file_is_large_but_the_embedded_model() -> None:
    large = [
        path.relative_to(ROOT)
        for path in tracked_files()
        if path.stat().st_size > 1_000_000 and "demo/model" not in str(path)
    ]
    assert large == []


def test_the_readme_can_be_read_within_a_minute() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
