"""From a reference to a folder, on real folders and a hand-made Hugging Face cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bge_reranker.errors import CorruptFile, SettingsError, UnknownModel
from bge_reranker.settings import ModelSettings
from bge_reranker.store.manifest import hash_model
from bge_reranker.store.resolve import resolve_model
from bge_reranker.store.sources.hub_cache import cache_directories

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OLDER = "fedcba9876543210fedcba9876543210fedcba98"


def make_checkpoint(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def make_cache(cache: Path, *, commits: tuple[str, ...] = (COMMIT, OLDER)) -> Path:
    """Lay out a cache as the Hub's own client does: blobs, snapshots of links, and a reference per branch."""
    repository = cache / "models--org--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "blobs").mkdir()
    for commit in commits:
        blob = repository / "blobs" / f"blob-of-{commit}"
        blob.write_text(commit)
        snapshot = repository / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").symlink_to(Path("../../blobs") / blob.name)
    return repository


def sentence_for(reference: str, environment: dict[str, str]) -> str:
    with pytest.raises(UnknownModel) as raised:
        resolve_model(reference, environment)
    return raised.value.sentence()


def test_resolve_gives_the_embedded_model_for_demo() -> None:
    model = resolve_model("demo", {})
    assert (model.name, model.revision) == ("demo", None)
    assert (model.path / "config.json").is_file()
    assert hash_model(model.path).files


def test_resolve_gives_a_folder_under_its_own_name(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "mine")
    model = resolve_model(str(folder), {})
    assert (model.path, model.name, model.revision) == (folder, "mine", None)


def test_resolve_gives_a_relative_folder_its_real_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_checkpoint(tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    assert resolve_model(".", {}).name == "mine"


def test_resolve_prefers_a_folder_to_a_cached_model_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cache(tmp_path / "hub")
    make_checkpoint(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    assert resolve_model("org/name", {"HF_HUB_CACHE": str(tmp_path / "hub")}).revision is None


@pytest.mark.parametrize(
    ("variable", "below"),
    [("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub"), ("TRANSFORMERS_CACHE", "")],
)
def test_resolve_finds_a_cached_model_wherever_a_variable_points(tmp_path: Path, variable: str, below: str) -> None:
    repository = make_cache(tmp_path / below)
    model = resolve_model("org/name", {variable: str(tmp_path)})
    assert model.path == repository / "snapshots" / COMMIT
    assert (model.name, model.revision) == ("org/name", COMMIT)
    assert (model.path / "config.json").read_text() == COMMIT


def test_resolve_looks_in_the_next_cache_when_the_first_has_nothing(tmp_path: Path) -> None:
    make_cache(tmp_path / "old")
    environment = {"HF_HOME": str(tmp_path / "new"), "TRANSFORMERS_CACHE": str(tmp_path / "old")}
    assert resolve_model("org/name", environment).revision == COMMIT


def test_cache_directories_are_the_default_ones_only_when_nothing_is_set(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert cache_directories(home) == [tmp_path / ".cache" / "huggingface" / "hub"]
    assert cache_directories({**home, "XDG_CACHE_HOME": "/x"}) == [Path("/x/huggingface/hub")]
    assert cache_directories({**home, "HF_HOME": "/y"}) == [Path("/y/hub")]


@pytest.mark.parametrize(("revision", "expected"), [("main", COMMIT), (OLDER, OLDER)])
def test_resolve_takes_a_branch_or_a_commit_after_the_at_sign(tmp_path: Path, revision: str, expected: str) -> None:
    make_cache(tmp_path)
    assert resolve_model(f"org/name@{revision}", {"HF_HUB_CACHE": str(tmp_path)}).revision == expected


def test_unknown_revision_names_those_that_are_there(tmp_path: Path) -> None:
    make_cache(tmp_path)
    with pytest.raises(UnknownModel, match=f"no complete revision v2; it has main, {COMMIT}, {OLDER}"):
        resolve_model("org/name@v2", {"HF_HUB_CACHE": str(tmp_path)})


def test_interrupted_download_is_told_as_such(tmp_path: Path) -> None:
    make_cache(tmp_path, commits=())
    assert "not finished" in sentence_for("org/name", {"HF_HUB_CACHE": str(tmp_path)})


def test_model_in_no_cache_says_what_was_looked_for_where_and_what_to_do(tmp_path: Path) -> None:
    sentence = sentence_for("org/name", {"HF_HOME": str(tmp_path), "TRANSFORMERS_CACHE": "/elsewhere"})
    assert "org/name is not in the Hugging Face cache" in sentence
    assert f"{tmp_path}/hub, /elsewhere" in sentence
    assert "hf download org/name" in sentence


def test_folder_without_a_config_is_told_from_one_that_does_not_exist(tmp_path: Path) -> None:
    assert "has no config.json" in sentence_for(str(tmp_path), {})
    assert "is no existing folder" in sentence_for(str(tmp_path / "nothing"), {})


def test_folder_above_a_checkpoint_points_at_the_checkpoint(tmp_path: Path) -> None:
    repository = make_cache(tmp_path, commits=(COMMIT,))
    assert str(repository / "snapshots" / COMMIT) in sentence_for(str(repository), {})


def test_mistyped_path_points_at_the_checkpoints_beside_it(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "reranker")
    assert f"Beside it: {tmp_path / 'reranker'}." in sentence_for(str(tmp_path / "rerankr"), {})


def test_file_points_at_its_folder(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "mine")
    assert f"Give the folder of the checkpoint: {folder}." in sentence_for(str(folder / "config.json"), {})


@pytest.mark.parametrize(
    "reference", ["../no/such", "a/b/c", "org/..", "name-without-organisation", "org/name@../../x"]
)
def test_what_is_neither_a_path_nor_an_id_is_refused(reference: str, tmp_path: Path) -> None:
    assert "no existing folder" in sentence_for(reference, {"HF_HOME": str(tmp_path)})


def test_a_folder_has_no_revision(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "mine")
    with pytest.raises(SettingsError, match="is a folder, which has none"):
        resolve_model(str(folder), {}, ModelSettings(revision="v1"))


def test_what_a_store_has_not_finished_is_not_served(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "store" / "name" / "v1")
    (folder.parent / ".refs").mkdir()
    staging = make_checkpoint(tmp_path / "store" / "name" / ".v2.staging")
    for incomplete in (folder, staging):
        with pytest.raises(CorruptFile, match="not fetched completely"):
            resolve_model(str(incomplete), {})


@pytest.mark.parametrize("source", ["file://{}/mine", "pvc://mine"])
def test_folders_and_claims_are_served_in_place_without_a_store(tmp_path: Path, source: str) -> None:
    folder = make_checkpoint(tmp_path / "mine")
    place = ModelSettings(claims_dir=str(tmp_path))
    model = resolve_model(source.format(tmp_path), {}, place)
    assert (model.path, model.source) == (folder, source.format(tmp_path))


@pytest.mark.parametrize("source", ["https://host/model.tar", "s3://bucket/x"])
def test_what_has_to_be_fetched_first_is_said_with_the_command(source: str) -> None:
    assert "`bge-reranker model fetch`" in sentence_for(source, {})


@pytest.mark.parametrize("content", [f"{COMMIT}\n", f"{COMMIT}\r\n", f"\ufeff{COMMIT}\n", f" {COMMIT} "])
def test_a_reference_of_the_cache_may_end_in_what_an_editor_leaves(tmp_path: Path, content: str) -> None:
    (make_cache(tmp_path) / "refs" / "main").write_text(content, encoding="utf-8")
    model = resolve_model("org/name", {"HF_HUB_CACHE": str(tmp_path)})
    assert model.revision == COMMIT


@pytest.mark.parametrize("reference", ["~/model", "file://~/model"])
def test_a_path_in_a_home_that_is_not_there_is_a_setting_s_fault(
    reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)
    with pytest.raises(SettingsError, match="begins in a home directory, and user 54321 has none here") as raised:
        resolve_model(reference, {})
    assert raised.value.remedy == "Set HOME, or write the whole path."


def test_who_has_no_home_has_no_cache_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)
    assert cache_directories({}) == []
    assert "org/name is not in the Hugging Face cache (there is none" in sentence_for("org/name", {})
