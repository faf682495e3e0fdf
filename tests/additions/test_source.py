"""A new kind of source costs a module, a line in the registry, and a word in two places that people read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.models import NEEDED, contents, model_files

from .tree import TreeCopy

MAX_PLACES = 4

SHELF = '''
"""The source `shelf://name`: a folder on the shelf that SHELF names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..listing import FetchOptions
from ..remote import Listing
from ..source import Source, SourceKind
from .folder_files import list_folder


class ShelfSource(SourceKind):
    """A folder on a shelf."""

    schemes = ("shelf",)
    example = "shelf://name"
    pattern = "shelf://[a-z]+"

    def list(self, source: Source, options: FetchOptions) -> Listing:
        folder = Path(options.environment["SHELF"]) / source.location
        return list_folder(folder, source, allow_pickle=options.allow_pickle)
'''


def add_shelf(tree: TreeCopy) -> None:
    sources = "service/src/bge_reranker/store/sources"
    tree.write(f"{sources}/shelf.py", SHELF)
    tree.insert(f"{sources}/registry.py", "from .s3 import S3Source", "from .shelf import ShelfSource")
    tree.insert(f"{sources}/registry.py", "    S3Source(),", "    ShelfSource(),")
    tree.insert("service/src/bge_reranker/settings.py", "Model: `demo` (embedded), a folder", "    `shelf://name`,")
    tree.insert(
        "charts/bge-reranker/values.yaml",
        "  # Model: `demo` or, for pictures, `demo-clip` (embedded",
        "  # `shelf://name`,",
    )


def test_a_source_of_a_new_kind_is_fetched_and_let_through_by_the_chart(
    tree: TreeCopy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_shelf(tree)
    folder = tmp_path / "shelf" / "mine"
    folder.mkdir(parents=True)
    for name in NEEDED:
        (folder / name).write_bytes(model_files()[name])
    monkeypatch.setenv("SHELF", str(tmp_path / "shelf"))
    fetched = tree.run("-m", "bge_reranker", "model", "fetch", "shelf://mine", "--dir", str(tmp_path / "store"))
    assert fetched.returncode == 0, fetched.stderr
    assert contents(Path(fetched.stdout.strip())) == {name: model_files()[name] for name in NEEDED}
    assert '"source": "shelf://mine"' in (Path(fetched.stdout.strip()) / "manifest.json").read_text()
    generated = tree.run("-m", "generate")
    assert generated.returncode == 0, generated.stderr
    assert "|shelf://[a-z]+|" in (tree.root / "charts/bge-reranker/files/rules.json").read_text()
    assert "shelf://name" in (tree.root / "charts/bge-reranker/values.schema.json").read_text()
    assert len(tree.touched) <= MAX_PLACES, sorted(tree.touched)
