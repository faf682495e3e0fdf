"""Fetching over HTTP: archives and lists of files, their faults and their traps."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bge_reranker.errors import CorruptFile, DigestMismatch, Gated, HubUnreachable, RerankerError, UnknownModel
from bge_reranker.store.paths import Store
from bge_reranker.store.sources.registry import require_source

from .models import NEEDED, contents, fetch, model_files
from .servers.faulty import FaultyServer, Handler

FILES = model_files()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    server = FaultyServer()
    with server.running():
        yield server


def tar_of(files: dict[str, bytes], mode: str = "w:gz", extra: tuple[tarfile.TarInfo, ...] = ()) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as tar:  # type: ignore[call-overload]  # one of its modes
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return data.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("model.tar", lambda: tar_of(FILES, "w")),
        ("model.tar.gz", lambda: tar_of({f"./top/{name}": content for name, content in FILES.items()})),
        ("model.tar.xz", lambda: tar_of({f"top/{name}": content for name, content in FILES.items()}, "w:xz")),
        ("model.zip", lambda: zip_of({f"top/{name}": content for name, content in FILES.items()})),
    ],
)
def test_an_archive_becomes_a_version_that_its_digest_names(
    server: FaultyServer, tmp_path: Path, name: str, build: Callable[[], bytes]
) -> None:
    server.files[f"/{name}"] = build()
    fetched = fetch(tmp_path, f"{server.url}/{name}")
    assert contents(fetched.version.path) == {needed: FILES[needed] for needed in NEEDED}
    assert fetched.version.revision == fetched.manifest.digest[:12]
    assert fetch(tmp_path, f"{server.url}/{name}").was_there


def test_a_revision_of_ones_own_names_the_version(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    assert fetch(tmp_path, f"{server.url}/model.tar", revision="2026-11").version.revision == "2026-11"


def test_other_files_under_the_same_revision_are_refused(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    path = fetch(tmp_path, f"{server.url}/model.tar", revision="1").version.path
    server.files["/model.tar"] = tar_of(model_files(seed=2), "w")
    assert fetch(tmp_path, f"{server.url}/model.tar", revision="1").was_there
    with pytest.raises(DigestMismatch, match="other files"):
        fetch(tmp_path, f"{server.url}/model.tar", revision="1", is_refresh=True)
    assert contents(path)["model.safetensors"] == FILES["model.safetensors"]
    assert not list(path.parent.glob(".*.staging"))


def test_a_refreshed_archive_without_a_revision_is_another_version(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    first = fetch(tmp_path, f"{server.url}/model.tar").version
    server.files["/model.tar"] = tar_of(model_files(seed=2), "w")
    second = fetch(tmp_path, f"{server.url}/model.tar", is_refresh=True).version
    assert first.revision != second.revision
    assert Store(tmp_path).find(require_source(f"{server.url}/model.tar", None)) == second


def test_a_list_of_files_is_fetched_and_compared(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    origin = fetch(tmp_path / "origin", f"{server.url}/model.tar").version.path
    server.files |= {f"/x/{path.name}": path.read_bytes() for path in origin.iterdir()}
    fetched = fetch(tmp_path / "store", f"{server.url}/x/manifest.json")
    assert contents(fetched.version.path) == contents(origin)
    server.files["/x/tokenizer.json"] = server.files["/x/tokenizer.json"].replace(b"model", b"medal")
    with pytest.raises(DigestMismatch, match=r"tokenizer\.json"):
        fetch(tmp_path / "other", f"{server.url}/x/manifest.json")


def test_a_listed_file_that_is_not_there_is_named(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    origin = fetch(tmp_path / "origin", f"{server.url}/model.tar").version.path
    server.files |= {f"/x/{name}": (origin / name).read_bytes() for name in ("manifest.json", "config.json")}
    with pytest.raises(UnknownModel, match=r"has no http://127\.0\.0\.1:\d+/x/(model\.safetensors|tokenizer\.json) "):
        fetch(tmp_path / "store", f"{server.url}/x/manifest.json?signature=secret")


@pytest.mark.parametrize("statuses", [[500], [429, 503, 502, 504]])
def test_an_archive_is_asked_for_again_after_a_passing_fault(
    server: FaultyServer, tmp_path: Path, statuses: list[int]
) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    server.faults.statuses, server.faults.retry_after = statuses, "3"
    waits: list[float] = []
    fetch(tmp_path, f"{server.url}/model.tar", waits=waits)
    assert waits == [3.0] * len(waits)
    assert server.faults.statuses == []


def test_a_broken_connection_goes_on_where_it_ended(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    server.faults.cut_after_bytes = [30_000, 5, 60_000]
    assert (
        contents(fetch(tmp_path, f"{server.url}/model.tar").version.path)["tokenizer.json"] == FILES["tokenizer.json"]
    )


def test_a_size_of_thousands_of_digits_is_no_size(server: FaultyServer, tmp_path: Path) -> None:
    def boasts(handler: Handler) -> bool:
        if handler.headers.get("Range") != "bytes=0-0":
            return False
        handler.send_plain(206, b"x", Content_Range="bytes 0-0/" + "9" * 5_000)
        return True

    server.files["/model.tar"] = tar_of(FILES, "w")
    server.answers.insert(0, boasts)
    fetched = fetch(tmp_path, f"{server.url}/model.tar")
    assert contents(fetched.version.path) == {name: FILES[name] for name in NEEDED}


def test_a_part_that_begins_before_what_was_asked_for_loses_what_comes_first(
    server: FaultyServer, tmp_path: Path
) -> None:
    archive = tar_of(FILES, "w")

    def larger(handler: Handler) -> bool:
        start = max(0, int(handler.headers["Range"].removeprefix("bytes=").partition("-")[0]) - 100)
        handler.send_plain(206, archive[start:], Content_Range=f"bytes {start}-{len(archive) - 1}/{len(archive)}")
        return True

    server.answers.insert(0, larger)
    fetched = fetch(tmp_path, f"{server.url}/model.tar")
    assert contents(fetched.version.path) == {name: FILES[name] for name in NEEDED}


def test_a_part_that_begins_behind_what_was_asked_for_is_not_taken(server: FaultyServer, tmp_path: Path) -> None:
    def later(handler: Handler) -> bool:
        handler.send_plain(206, b"x" * 100_000, Content_Range="bytes 7-100006/100007")
        return True

    server.answers.insert(0, later)
    with pytest.raises(HubUnreachable, match="was asked for byte 0 and sent what comes after it"):
        fetch(tmp_path, f"{server.url}/model.tar")


def test_an_archive_s_length_is_asked_for_as_it_is_fetched(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    server.faults.ignores_ranges = True
    fetch(tmp_path, f"{server.url}/model.tar")
    assert {asked.headers["accept-encoding"] for asked in server.asked} == {"identity"}


def test_a_server_without_ranges_is_read_from_the_start(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    server.faults.ignores_ranges = True
    server.faults.cut_after_bytes = [1_000_000, 30_000, 5]
    assert contents(fetch(tmp_path, f"{server.url}/model.tar").version.path)["config.json"] == FILES["config.json"]


@pytest.mark.parametrize(
    ("statuses", "error", "words"),
    [
        ([401], Gated, "user:password@host"),
        ([403], Gated, "refuses"),
        ([404], UnknownModel, "has no http"),
        ([418], UnknownModel, "answered 418"),
        ([500] * 50, HubUnreachable, "answered 500"),
    ],
)
def test_refusals_have_one_code_and_a_remedy(
    server: FaultyServer, tmp_path: Path, statuses: list[int], error: type[RerankerError], words: str
) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    server.faults.statuses = statuses
    with pytest.raises(error) as raised:
        fetch(tmp_path, f"http://me:secret@127.0.0.1:{server.port}/model.tar?signature=secret")
    assert words in raised.value.sentence()
    assert "secret" not in raised.value.sentence()


def test_secrets_of_an_address_are_written_nowhere(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.tar"] = tar_of(FILES, "w")
    fetch(tmp_path, f"http://me:secret@127.0.0.1:{server.port}/model.tar?signature=secret")
    assert all(asked.headers["authorization"].startswith("Basic ") for asked in server.asked)
    assert not [path for path in tmp_path.rglob("*") if "secret" in path.name]
    assert not [path for path in tmp_path.rglob("*.json") if b"secret" in path.read_bytes()]


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com/model.tar",
        "ftp://host/model.tar",
        "hf://name",
        "s3:///",
        "s3:///x",
        "https://",
        "https://[::1/x.tar",
    ],
)
def test_impossible_sources_are_refused_before_anything_is_asked(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnknownModel):
        fetch(tmp_path, text)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


WEIGHTS = "model.safetensors"
WITHOUT_WEIGHTS = {name: FILES[name] for name in ("config.json", "tokenizer.json")}


BOMB = 70_000_000
"""Bytes beyond the least that counts as a bomb."""

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a path that climbs": (lambda: tar_of({**FILES, "../../evil.safetensors": b"x"}), "climbs out"),
    "an absolute path": (lambda: tar_of({**FILES, "/etc/evil.safetensors": b"x"}), "climbs out"),
    "a path that climbs in a zip": (lambda: zip_of({**FILES, "a/../../evil": b"x"}), "climbs out"),
    "a link": (lambda: tar_of(WITHOUT_WEIGHTS, extra=(link(WEIGHTS, "/etc/passwd"),)), "link or a special file"),
    "a hard link": (lambda: tar_of(WITHOUT_WEIGHTS, extra=(link(WEIGHTS, "x", tarfile.LNKTYPE),)), "link or a"),
    "a pipe": (lambda: tar_of(WITHOUT_WEIGHTS, extra=(link(WEIGHTS, "", tarfile.FIFOTYPE),)), "link or a special"),
    "a bomb beside a model": (lambda: tar_of({**FILES, "padding": bytes(BOMB)}), "grows beyond 67 MB"),
    "a bomb in a zip": (lambda: zip_of({**WITHOUT_WEIGHTS, WEIGHTS: bytes(BOMB)}), "grows beyond 67 MB"),
    "a bomb of many files in a zip": (
        lambda: zip_of({**FILES, **{f"{number}.model": bytes(BOMB // 3) for number in range(3)}}),
        "grows beyond 67 MB",
    ),
    "a member twice in a zip": (
        lambda: zip_of(FILES).replace(b"tokenizer.json", b"config.json\0\0\0"),
        "has the member config.json twice",
    ),
    "half a tar": (lambda: tar_of(FILES)[:-200_000], "cannot be unpacked"),
    "half a zip": (lambda: zip_of(FILES)[:-10], "cannot be unpacked"),
    "a page to sign in": (lambda: b"<!DOCTYPE html><html>Sign in</html>", "is a web page, not the file itself"),
    "a pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer"),
    "no archive": (lambda: b"no archive at all", "cannot be unpacked"),
    "several models": (
        lambda: tar_of({f"{folder}/{name}": content for folder in "ba" for name, content in FILES.items()}),
        "several models: a, b",
    ),
    "no checkpoint": (lambda: tar_of({"x": b"y"}), "has no config.json"),
    "no weights": (lambda: tar_of(WITHOUT_WEIGHTS), "has no weights"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_broken_archive_is_refused_and_writes_nothing_outside(
    server: FaultyServer, tmp_path: Path, kind: str
) -> None:
    build, words = HOSTILE[kind]
    server.files["/model.tar.gz"] = build()
    with pytest.raises(CorruptFile, match=words):
        fetch(tmp_path / "store", f"{server.url}/model.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert not list(Store(tmp_path / "store").versions())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"digest": "", "files": [{"path": "../x", "size_bytes": 1, "sha256": ""}]}),
        json.dumps({"digest": "", "files": [{"path": "\ud800.safetensors", "size_bytes": 1, "sha256": ""}]}),
        json.dumps({"digest": "", "files": [{"path": "a\nb.safetensors", "size_bytes": 1, "sha256": ""}]}),
        json.dumps({"digest": "", "files": [{"path": "a\0.safetensors", "size_bytes": 1, "sha256": ""}]}),
        "[" * 9_999,
    ],
    ids=["nothing", "a list", "an object", "a path out", "no text", "two lines", "a null", "deep"],
)
def test_a_list_that_is_no_manifest_is_refused(server: FaultyServer, tmp_path: Path, text: str) -> None:
    server.files["/manifest.json"] = text.encode()
    with pytest.raises(CorruptFile, match="manifest"):
        fetch(tmp_path, f"{server.url}/manifest.json")


def test_files_of_an_older_state_of_the_source_are_not_mixed_with_new_ones(
    server: FaultyServer, tmp_path: Path
) -> None:
    old, new = tar_of(FILES, "w"), tar_of(model_files(seed=2), "w")
    server.files["/model.tar"] = old
    server.faults.cut_after_bytes = [1_000_000, 1_000_000, *[0] * 50]
    with pytest.raises(HubUnreachable):
        fetch(tmp_path, f"{server.url}/model.tar")
    server.faults.cut_after_bytes = []
    server.files["/model.tar"] = new
    fetched = fetch(tmp_path, f"{server.url}/model.tar")
    assert contents(fetched.version.path)["model.safetensors"] == model_files(seed=2)["model.safetensors"]


def test_an_empty_file_is_a_file(server: FaultyServer, tmp_path: Path) -> None:
    server.files["/model.zip"] = zip_of({**FILES, "vocab.txt": b""})
    assert contents(fetch(tmp_path / "a", f"{server.url}/model.zip").version.path)["vocab.txt"] == b""
    folder = next((tmp_path / "a").glob("model.zip*/[0-9a-f]*"))
    assert contents(fetch(tmp_path / "b", str(folder)).version.path)["vocab.txt"] == b""
