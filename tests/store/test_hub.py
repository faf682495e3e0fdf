"""Fetching from a hub, its protocol and its refusals: the real client of the Hub against a server of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bge_reranker.errors import (
    CorruptFile,
    DigestMismatch,
    Gated,
    HubUnreachable,
    RerankerError,
    UnknownModel,
    UnsafeFormat,
)
from bge_reranker.store.manifest import read_manifest

from .models import NEEDED, contents, fetch, model_files
from .servers.faulty import Handler
from .servers.hub import FakeHub, Repository

SOURCE = "hf://org/name"
FILES = model_files()


def test_fetch_brings_what_the_model_needs_and_writes_what_it_is(hub: FakeHub, tmp_path: Path) -> None:
    files = model_files()
    commit = hub.add("org/name", files)
    fetched = fetch(tmp_path, SOURCE, hub.environment)
    assert fetched.version.path == tmp_path / "org--name" / commit
    assert contents(fetched.version.path) == {name: files[name] for name in NEEDED}
    written = json.loads((fetched.version.path / "manifest.json").read_text())
    assert written["source"] == SOURCE
    assert written["commit"] == commit
    assert written["licence"] == "apache-2.0"
    assert written["architecture"] == "XLMRobertaForSequenceClassification"
    assert written["size_bytes"] == sum(len(files[name]) for name in NEEDED)
    assert written["digest"] == read_manifest(fetched.version.path).digest
    assert not [path for path in (tmp_path / "org--name").iterdir() if path.name not in {commit, ".refs"}]


def test_fetch_asks_nobody_for_what_is_there(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", model_files())
    first = fetch(tmp_path, SOURCE, hub.environment)
    asked = len(hub.server.asked)
    again = fetch(tmp_path, SOURCE, hub.environment)
    by_commit = fetch(tmp_path, SOURCE, hub.environment, revision=first.version.revision)
    assert (again.was_there, by_commit.was_there, first.was_there) == (True, True, False)
    assert again.version == by_commit.version == first.version
    assert len(hub.server.asked) == asked


def test_a_branch_means_the_same_commit_until_it_is_refreshed(hub: FakeHub, tmp_path: Path) -> None:
    old = hub.add("org/name", model_files(seed=1))
    fetch(tmp_path, SOURCE, hub.environment)
    new = hub.add("org/name", model_files(seed=2))
    assert fetch(tmp_path, SOURCE, hub.environment).version.revision == old
    assert fetch(tmp_path, SOURCE, hub.environment, is_refresh=True).version.revision == new
    assert fetch(tmp_path, SOURCE, hub.environment).version.revision == new
    assert fetch(tmp_path, SOURCE, hub.environment, revision=old).was_there


def test_large_files_come_in_segments_from_the_storage_without_the_token(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", model_files())
    hub.repositories["org/name"].needs_token = "secret"
    fetch(tmp_path, SOURCE, hub.environment | {"HF_TOKEN": "secret"})
    storage = [asked for asked in hub.server.asked if asked.path.startswith("/lfs/")]
    assert len(storage) == 5
    assert all("authorization" not in asked.headers and "range" in asked.headers for asked in storage)


def _gate(hub: FakeHub) -> None:
    repository = hub.repositories["org/name"]
    repository.needs_token, repository.is_gated = "secret", True


def _forget(hub: FakeHub) -> None:
    hub.repositories.clear()


@pytest.mark.parametrize(
    ("prepare", "token", "error", "words"),
    [
        (_forget, None, UnknownModel, "no model org/name, or it is private"),
        (_forget, "any", UnknownModel, "no model org/name"),
        (lambda hub: setattr(hub.repositories["org/name"], "needs_token", "x"), None, UnknownModel, "HF_TOKEN"),
        (_gate, None, Gated, "gated and not open without a token"),
        (_gate, "wrong", Gated, "not open with this token"),
        (lambda hub: hub.info_statuses.extend([429] * 5), None, HubUnreachable, "answered 429"),
        (lambda hub: hub.info_statuses.extend([500] * 5), None, HubUnreachable, "answered 500"),
        (lambda hub: hub.info_statuses.append(403), None, Gated, "refuses hf://org/name"),
    ],
)
def test_refusals_of_the_hub_have_one_code_and_a_remedy(
    hub: FakeHub, tmp_path: Path, prepare: object, token: str | None, error: type[RerankerError], words: str
) -> None:
    hub.add("org/name", model_files())
    prepare(hub)  # type: ignore[operator]  # a function of the hub
    environment = hub.environment | ({"HF_TOKEN": token} if token else {})
    with pytest.raises(error) as raised:
        fetch(tmp_path, SOURCE, environment)
    assert words in raised.value.sentence()
    assert raised.value.remedy
    assert "secret" not in raised.value.sentence()


def test_an_unknown_revision_is_named(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", model_files())
    with pytest.raises(UnknownModel, match="no revision v9"):
        fetch(tmp_path, SOURCE, hub.environment, revision="v9")


def test_a_hub_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_CACHE": "/nonexistent"}
    with pytest.raises(HubUnreachable, match=r"127\.0\.0\.1:9 does not answer"):
        fetch(tmp_path, SOURCE, environment)


def test_pickles_are_refused_by_name(hub: FakeHub, tmp_path: Path) -> None:
    files = model_files()
    del files["model.safetensors"]
    hub.add("org/name", files)
    with pytest.raises(UnsafeFormat, match=r"pickles only \(pytorch_model\.bin\)"):
        fetch(tmp_path, SOURCE, hub.environment)


def test_a_demanded_digest_is_checked_and_nothing_else_is_left(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", model_files())
    with pytest.raises(DigestMismatch, match="is demanded"):
        fetch(tmp_path, SOURCE, hub.environment, expect_digest="0" * 64)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    digest = fetch(tmp_path, SOURCE, hub.environment).manifest.digest
    assert fetch(tmp_path, SOURCE, hub.environment, expect_digest=digest).was_there
    with pytest.raises(DigestMismatch, match="is demanded"):
        fetch(tmp_path, SOURCE, hub.environment, expect_digest="0" * 64)


def test_a_cached_snapshot_is_used_without_the_network(tmp_path: Path) -> None:
    files, commit = model_files(), "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--org--name"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    # As somebody else's tool writes it.
    (repository / "refs" / "main").write_text(f"{commit}\n")
    (repository / "blobs").mkdir()
    for number, name in enumerate(NEEDED):
        (repository / "blobs" / str(number)).write_bytes(files[name])
        (snapshot / name).symlink_to(f"../../blobs/{number}")
    environment = {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_ENDPOINT": "http://127.0.0.1:9"}
    fetched = fetch(tmp_path / "store", SOURCE, environment)
    assert fetched.version.revision == commit
    assert contents(fetched.version.path) == {name: files[name] for name in NEEDED}
    assert not any(path.is_symlink() for path in fetched.version.path.iterdir())


DAMAGES: dict[str, Callable[[Path], object]] = {
    "another byte": lambda path: (path / "model.safetensors").write_bytes(b"x" + FILES["model.safetensors"][1:]),
    "half a file": lambda path: (path / "model.safetensors").write_bytes(FILES["model.safetensors"][:1_000]),
    "no file": lambda path: (path / "tokenizer.json").unlink(),
    "a file too many": lambda path: (path / "vocab.txt").write_bytes(b"x"),
    "half a manifest": lambda path: (path / "manifest.json").write_text('{"digest": "'),
    "a manifest that lies": lambda path: (path / "manifest.json").write_text('{"digest": "", "files": []}'),
}


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("is_refresh", [False, True])
def test_a_version_that_was_damaged_is_fetched_anew(
    hub: FakeHub, tmp_path: Path, kind: str, *, is_refresh: bool
) -> None:
    hub.add("org/name", FILES)
    path = fetch(tmp_path, SOURCE, hub.environment).version.path
    DAMAGES[kind](path)
    fetched = fetch(tmp_path, SOURCE, hub.environment, is_refresh=is_refresh)
    assert (fetched.version.path, fetched.was_there) == (path, False)
    assert contents(path) == {name: FILES[name] for name in NEEDED}
    assert read_manifest(path) == fetched.manifest


def test_a_token_with_a_line_break_is_used_without_it(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", model_files())
    hub.repositories["org/name"].needs_token = "secret"
    assert not fetch(tmp_path, SOURCE, hub.environment | {"HF_TOKEN": "secret\n"}).was_there


def test_what_can_be_no_token_is_never_quoted(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", model_files())
    with pytest.raises(Gated, match="characters that no token has") as raised:
        fetch(tmp_path, SOURCE, hub.environment | {"HF_TOKEN": "sec\nret"})
    assert "ret" not in raised.value.message.replace("characters", "")
    assert hub.server.asked == []


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"[]", b"{}", b'{"sha": 1, "siblings": 3}'])
def test_a_portal_in_the_place_of_the_hub_is_recognised(hub: FakeHub, tmp_path: Path, body: bytes) -> None:
    def portal(handler: Handler) -> bool:
        handler.send_plain(200, body, Content_Type="text/html")
        return True

    hub.server.answers.insert(0, portal)
    with pytest.raises(HubUnreachable, match=r"not as a hub does|did not say which commit"):
        fetch(tmp_path, SOURCE, hub.environment)


def test_a_name_that_no_hub_takes_is_unknown(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel):
        fetch(tmp_path, "hf://org/na--me", hub.environment)


def test_files_of_a_hub_cannot_leave_the_folder(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", {**model_files(), "../evil.safetensors": b"x", ".hidden.safetensors": b"x"})
    fetched = fetch(tmp_path / "store", SOURCE, hub.environment)
    assert sorted(contents(fetched.version.path)) == sorted(NEEDED)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize("commit", ["..", "../../evil", ".refs"])
def test_a_hub_cannot_name_a_folder_outside_the_store(hub: FakeHub, tmp_path: Path, commit: str) -> None:
    files = model_files()
    hub.repositories["org/name"] = Repository({commit: files}, {"main": commit})
    with pytest.raises(HubUnreachable, match="did not say which commit"):
        fetch(tmp_path / "store", SOURCE, hub.environment)
    assert not list(tmp_path.rglob("*.safetensors"))


def sharded() -> dict[str, bytes]:
    files, index = model_files(), {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    weights = files.pop("model.safetensors")
    shards = dict.fromkeys(("model-1.safetensors", "model-2.safetensors", "model-3.safetensors"), weights)
    return {**files, **shards, "model.safetensors.index.json": json.dumps(index).encode()}


def test_the_shards_that_the_index_names_are_fetched_and_no_others(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("org/name", sharded())
    fetched = contents(fetch(tmp_path, SOURCE, hub.environment).version.path)
    assert sorted(fetched) == [
        "config.json",
        "model-1.safetensors",
        "model-2.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
    ]


def test_a_shard_that_the_hub_lacks_is_named_before_any_other_is_fetched(hub: FakeHub, tmp_path: Path) -> None:
    files = sharded()
    del files["model-2.safetensors"]
    hub.add("org/name", files)
    with pytest.raises(CorruptFile, match=r"hf://org/name lacks 1 of the 2 files that .* names: model-2\.safetensors"):
        fetch(tmp_path, SOURCE, hub.environment)
    assert any("index" in asked.path for asked in hub.server.asked)
    assert not any("model-1" in asked.path for asked in hub.server.asked)
    assert not list(tmp_path.rglob("model-1*"))
