"""Models in images of container registries: their layers, their faults and their traps."""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from bge_reranker.errors import (
    CorruptFile,
    DigestMismatch,
    DiskFull,
    Gated,
    HubUnreachable,
    RerankerError,
    UnknownModel,
)
from bge_reranker.store.sources.registry import require_source

from .models import NEEDED, SEGMENT_BYTES, contents, fetch, model_files
from .servers.container_registry import (
    INDEX_TYPE,
    LAYER_TYPE,
    MANIFEST_TYPE,
    described,
    layer_of,
    manifest_of,
    packed,
    write_credentials,
)
from .servers.faulty import RANGE, Asked, Handler
from .servers.image_server import ImageServer, running_image_server

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FILES = {name: content for name, content in model_files().items() if name in NEEDED}
MODEL = {f"models/{name}": content for name, content in FILES.items()}


@pytest.fixture
def images() -> Iterator[ImageServer]:
    with running_image_server() as running:
        yield running


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def always(status: int, **headers: str) -> Callable[[Handler], bool]:
    """Answer everything with one status."""

    def answer(handler: Handler) -> bool:
        handler.send_plain(status, b"", **headers)
        return True

    return answer


def resumed(asked: Iterable[Asked]) -> bool:
    """Whether a part was asked for from within a segment."""
    ranges = [RANGE.fullmatch(request.headers.get("range", "")) for request in asked]
    return any(int(found[1]) % SEGMENT_BYTES for found in ranges if found is not None)


def test_an_image_becomes_a_version_named_by_its_digest_whatever_packs_its_layers(
    images: ImageServer, tmp_path: Path
) -> None:
    names = list(MODEL)
    layers = [
        layer_of({names[0]: MODEL[names[0]]}),
        packed(layer_of({names[1]: MODEL[names[1]]})),
        zstd.compress(layer_of({names[2]: MODEL[names[2]]})),
    ]
    digest = images.add(layers, [LAYER_TYPE, f"{LAYER_TYPE}+gzip", f"{LAYER_TYPE}+zstd"])
    fetched = fetch(tmp_path, f"{images.source}@{digest}")
    assert contents(fetched.version.path) == FILES
    assert fetched.version.revision == digest.replace(":", "%3A")
    asked = len(images.server.asked)
    assert fetch(tmp_path, f"{images.source}:v1@{digest}").was_there
    assert len(images.server.asked) == asked


def test_a_tag_is_resolved_to_a_digest_once_and_again_when_it_is_refreshed(images: ImageServer, tmp_path: Path) -> None:
    first = images.add([layer_of(MODEL)])
    fetched = fetch(tmp_path, f"{images.source}:v1")
    assert fetched.manifest.provenance is not None
    assert (fetched.manifest.provenance.revision, fetched.manifest.provenance.commit) == ("v1", first)
    second = images.add([layer_of({**MODEL, "models/tokenizer.json": b'{"model": {"b": 1}}'})])
    assert fetch(tmp_path, f"{images.source}:v1").version == fetched.version
    assert fetch(tmp_path, f"{images.source}:v1", is_refresh=True).version.revision == second.replace(":", "%3A")


def test_upper_layers_replace_and_remove_what_is_below_them(images: ImageServer, tmp_path: Path) -> None:
    base = {
        "models/config.json": b"{}",
        "models/extra.safetensors": b"x",
        "models/old/deep.json": b"{}",
        "other/a": b"a",
    }
    gone = layer_of({"models/.wh.extra.safetensors": b"", "other/.wh..wh..opq": b"", "models/.wh.old": b""})
    digest = images.add([layer_of({**base, "other/config.json": b"{}"}), gone, layer_of(MODEL)])
    assert contents(fetch(tmp_path, f"{images.source}@{digest}").version.path) == FILES


def test_an_opaque_folder_has_nothing_of_the_layers_below(images: ImageServer, tmp_path: Path) -> None:
    digest = images.add([layer_of({"models/vocab.txt": b"old"}), layer_of({**MODEL, "models/.wh..wh..opq": b""})])
    assert contents(fetch(tmp_path, f"{images.source}@{digest}").version.path) == FILES


def test_of_an_index_the_image_for_this_machine_is_taken_and_no_attestation(
    images: ImageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = manifest_of([layer_of(MODEL)]), manifest_of([layer_of({"models/config.json": b"{}"})])
    images.add([layer_of(MODEL)])
    images.add_manifest(theirs, MANIFEST_TYPE, "theirs")
    entries = [
        described(theirs, MANIFEST_TYPE, platform={"os": "unknown", "architecture": "unknown"}),
        described(theirs, MANIFEST_TYPE, platform={"os": "linux", "architecture": "s390x"}),
        described(ours, MANIFEST_TYPE, platform={"os": "linux", "architecture": "amd64"}),
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).encode()
    digest = images.add_manifest(index, INDEX_TYPE, "many")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert contents(fetch(tmp_path, f"{images.source}:many").version.path) == FILES
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(UnknownModel, match="index of 2 images, none of them for riscv64"):
        fetch(tmp_path / "other", f"{images.source}@{digest}")


def test_a_connection_that_breaks_is_taken_up_where_it_broke(images: ImageServer, tmp_path: Path) -> None:
    digest = images.add([layer_of(MODEL)])
    images.server.faults.cut_after_bytes = [20_000] * 3
    waits: list[float] = []
    assert contents(fetch(tmp_path, f"{images.source}@{digest}", waits=waits).version.path) == FILES
    assert len(waits) == 3
    assert resumed(images.server.asked)


def test_a_registry_without_ranges_sends_each_layer_once(images: ImageServer, tmp_path: Path) -> None:
    digest = images.add([layer_of(MODEL)])
    images.server.faults.ignores_ranges = True
    assert contents(fetch(tmp_path, f"{images.source}@{digest}").version.path) == FILES
    # Once to see whether it has ranges.
    assert len([path for path in images.server.paths() if "/blobs/" in path]) == 2


def test_a_layer_with_another_byte_is_refused(images: ImageServer, tmp_path: Path) -> None:
    digest = images.add([layer_of(MODEL)])
    images.server.faults.wrong_bytes = 100
    with pytest.raises(DigestMismatch, match=r"archive-000 is not what its source announced"):
        fetch(tmp_path, f"{images.source}@{digest}")
    assert not list(tmp_path.rglob("*.safetensors*"))


def test_a_manifest_that_is_not_the_one_asked_for_is_refused(images: ImageServer, tmp_path: Path) -> None:
    digest = images.add([layer_of(MODEL)])
    images.manifests[digest] = (images.manifests[digest][0] + b" ", MANIFEST_TYPE)
    with pytest.raises(DigestMismatch, match=f"asked for {digest} and sent sha256:"):
        fetch(tmp_path, f"{images.source}@{digest}")


@pytest.mark.parametrize(
    ("layers", "error", "words"),
    [
        ([layer_of({"../config.json": b"{}"})], CorruptFile, "climbs out"),
        ([layer_of(MODEL, link("models/config.json", "/etc/passwd"))], CorruptFile, "is a link"),
        ([layer_of({"readme": b"empty"})], CorruptFile, "has no config.json"),
        ([layer_of({**MODEL, "other/config.json": b"{}"})], CorruptFile, "has several models: models, other"),
        ([packed(layer_of(MODEL))[:-20]], CorruptFile, "cannot be unpacked"),
        ([zstd.compress(layer_of(MODEL))[:-20]], CorruptFile, "cannot be unpacked"),
        ([packed(layer_of({"models/model.safetensors": bytes(80_000_000)}))], CorruptFile, "Do not trust|grows beyond"),
        ([b"no archive at all"], CorruptFile, "cannot be unpacked"),
    ],
    ids=["climbs", "link", "empty", "two models", "short gzip", "short zstd", "bomb", "no archive"],
)
def test_a_layer_that_is_a_trap_is_refused(
    images: ImageServer, tmp_path: Path, layers: list[bytes], error: type[RerankerError], words: str
) -> None:
    digest = images.add(layers, [LAYER_TYPE] * len(layers))
    with pytest.raises(error, match=words):
        fetch(tmp_path, f"{images.source}@{digest}")
    assert not list(tmp_path.rglob("manifest.json"))


@pytest.mark.parametrize(
    ("manifest", "media_type", "words"),
    [
        (b"{", MANIFEST_TYPE, "has no manifest of an image"),
        (b'{"layers": [{"mediaType": 1}]}', MANIFEST_TYPE, "has no manifest of an image"),
        (b'{"layers": []}', MANIFEST_TYPE, "has no layers"),
        (
            b'{"layers": [{"mediaType": "a/b", "digest": "sha256:%s", "size": 1}]}' % (b"0" * 64),
            MANIFEST_TYPE,
            "type a/b",
        ),
        (b'{"layers": [{"mediaType": "a/b", "digest": "sha256:../x", "size": 1}]}', MANIFEST_TYPE, "has no manifest"),
        (
            b'{"layers": [{"mediaType": "a", "digest": "sha256:%s", "size": -1}]}' % (b"0" * 64),
            MANIFEST_TYPE,
            "no manifest",
        ),
        (b"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", "no image"),
        (b"[" * 100_000, MANIFEST_TYPE, "has no manifest of an image"),
        (b" " * 5_000_000, MANIFEST_TYPE, "more than 4194304 bytes"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    images: ImageServer, tmp_path: Path, manifest: bytes, media_type: str, words: str
) -> None:
    images.add_manifest(manifest, media_type, "v1")
    with pytest.raises(CorruptFile, match=words):
        fetch(tmp_path, f"{images.source}:v1")


def test_a_layer_larger_than_the_volume_is_refused_before_its_first_byte(images: ImageServer, tmp_path: Path) -> None:
    huge = described(b"", LAYER_TYPE) | {"size": 2**60}
    images.add([b""])
    images.add_manifest(json.dumps({"layers": [huge]}).encode(), MANIFEST_TYPE, "huge")
    with pytest.raises(DiskFull, match="are needed"):
        fetch(tmp_path, f"{images.source}:huge")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Gated),
        (403, Gated),
        (404, UnknownModel),
        (418, UnknownModel),
        (429, HubUnreachable),
        (503, HubUnreachable),
    ],
)
def test_a_refusal_of_a_registry_has_its_code(
    images: ImageServer, tmp_path: Path, status: int, error: type[RerankerError]
) -> None:
    digest = images.add([layer_of(MODEL)])
    images.server.answers.insert(0, always(status))
    with pytest.raises(error) as refused:
        fetch(tmp_path, f"{images.source}@{digest}")
    assert refused.value.figures["status"] == status


def test_a_server_that_does_not_listen_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(HubUnreachable, match="does not answer"):
        fetch(tmp_path, "oci://127.0.0.1:9/models/reranker:v1")


@pytest.mark.parametrize(
    "challenge", ["Bearer", 'Bearer realm="http://registry.invalid/token"', "Basic realm=x", "Negotiate", ""]
)
def test_a_challenge_that_cannot_be_met_is_a_refusal(images: ImageServer, tmp_path: Path, challenge: str) -> None:
    images.server.answers.insert(0, always(401, WWW_Authenticate=challenge))
    with pytest.raises((Gated, UnknownModel)):
        fetch(tmp_path, f"{images.source}:v1")


def test_a_password_does_not_go_where_a_layer_is_redirected_to(images: ImageServer, tmp_path: Path) -> None:
    layer = layer_of(MODEL)
    digest = images.add([layer])
    (path,) = images.server.files
    with running_image_server() as storage:
        storage.server.files["/bucket"] = images.server.files.pop(path)
        place = f"http://localhost:{storage.server.port}/bucket?signature=x"

        def answer(handler: Handler) -> bool:
            is_open = "authorization" in images.server.asked[-1].headers
            if not is_open:
                handler.send_plain(401, WWW_Authenticate="Basic realm=x")
            elif path in handler.path:
                handler.send_plain(307, Location=place)
            return not is_open or path in handler.path

        images.server.answers.insert(0, answer)
        environment = write_credentials(tmp_path / "auth.json", f"127.0.0.1:{images.server.port}")
        assert contents(fetch(tmp_path / "store", f"{images.source}@{digest}", environment).version.path) == FILES
        assert storage.server.asked
        assert not any("authorization" in asked.headers for asked in storage.server.asked)


def test_a_token_that_grows_too_old_in_mid_fetch_is_replaced(images: ImageServer, tmp_path: Path) -> None:
    digest = images.add([layer_of(MODEL)])
    tokens = ["first", "second"]

    def answer(handler: Handler) -> bool:
        if handler.path.startswith("/token"):
            handler.send_plain(200, json.dumps({"token": tokens[0]}).encode(), Content_Type="application/json")
            return True
        is_open = images.server.asked[-1].headers.get("authorization") == f"Bearer {tokens[0]}"
        if not is_open:
            challenge = (
                f'Bearer realm="{images.server.url}/token",service="tests",scope="repository:models/reranker:pull"'
            )
            handler.send_plain(401, WWW_Authenticate=challenge)
        elif "/blobs/" in handler.path:
            # From now on only the last one will do.
            del tokens[:-1]
        return not is_open

    images.server.answers.insert(0, answer)
    assert contents(fetch(tmp_path, f"{images.source}@{digest}").version.path) == FILES
    assert tokens == ["second"]
    assert images.server.paths().count("/token") >= 2


@pytest.mark.parametrize(
    "text",
    [
        "oci://",
        "oci://registry",
        "oci:///models",
        "oci://registry/Upper",
        "oci://registry/a@sha256:12",
        "oci://r/../a:b",
    ],
)
def test_an_address_that_names_no_image_is_refused(text: str) -> None:
    with pytest.raises(UnknownModel):
        require_source(text, None)


def test_a_digest_beside_another_revision_is_refused() -> None:
    with pytest.raises(UnknownModel, match="--revision says v1"):
        require_source(f"oci://registry/model@sha256:{'0' * 64}", "v1")
    assert require_source("oci://registry:5000/a/model", "v1").revision == "v1"
