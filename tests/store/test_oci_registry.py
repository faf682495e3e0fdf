"""Packing, pushing and fetching with a real registry, and with who may read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bge_reranker.errors import Gated
from bge_reranker.store.bundle import write_oci_layout
from bge_reranker.store.paths import version_at
from bge_reranker.store.sources.oci_push import push_layout
from bge_reranker.store.sources.registry import require_source

from .models import contents, fetch
from .servers.authority import write_authority
from .servers.container_registry import PASSWORD, USER, running_registry, write_credentials
from .servers.image_server import in_front_of
from .servers.token_issuer import running_issuer
from .test_bundle import fetched_from_hub
from .test_commands import run
from .test_oci import resumed

NO_PAUSE = list[float]().append


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that wants a password, and the digest of the one image in it."""
    with running_registry(tmp_path_factory.mktemp("registry"), is_closed=True) as registry:
        yield registry


@pytest.fixture(scope="module")
def pushed(closed: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, dict[str, str]]:
    """The address that the command prints, the version's folder, and who may read it."""
    folder = tmp_path_factory.mktemp("pushed")
    version = fetched_from_hub(folder / "here").version
    environment = {"PATH": "/usr/bin", "HOME": str(folder), **write_credentials(folder / "auth.json", closed)}
    where = ("--dir", str(folder / "here"), "--push", f"oci://{closed}/models/reranker:v1")
    done = run("model", "pack", "hf://org/name", *where, environment=environment)
    assert done.returncode == 0, done.stderr
    address = done.stdout.splitlines()[-1]
    assert address.startswith(f"oci://{closed}/models/reranker@sha256:")
    return address, version.path, environment


def test_what_was_pushed_is_fetched_by_its_digest_and_is_the_same_model(
    pushed: tuple[str, Path, dict[str, str]], tmp_path: Path
) -> None:
    address, origin, environment = pushed
    fetched = fetch(tmp_path, address, environment)
    assert contents(fetched.version.path) == contents(origin)


def test_a_tag_s_digest_is_said(pushed: tuple[str, Path, dict[str, str]], tmp_path: Path) -> None:
    address, _, environment = pushed
    repository, _, digest = address.partition("@")
    done = run("model", "fetch", f"{repository}:v1", "--dir", str(tmp_path), environment=environment)
    assert done.returncode == 0, done.stderr
    assert f"{repository} at v1 is {digest}." in done.stderr


def test_what_a_registry_has_is_not_sent_again(
    pushed: tuple[str, Path, dict[str, str]], closed: str, tmp_path: Path
) -> None:
    address, origin, _ = pushed
    version = version_at(origin)
    assert version is not None
    write_oci_layout(version, tmp_path / "image")
    with in_front_of(closed) as proxy:
        through = f"127.0.0.1:{proxy.port}"
        target = require_source(f"oci://{through}/models/reranker", None)
        environment = write_credentials(tmp_path / "auth.json", through)
        assert push_layout(tmp_path / "image", target, "v2", environment, NO_PAUSE) == address.partition("@")[2]
        asked = [(asked.method, asked.path.split("/")[4]) for asked in proxy.asked if asked.method != "GET"]
    # The first one without a password.
    assert asked == [("HEAD", "blobs")] * 3 + [("PUT", "manifests")]
    assert contents(fetch(tmp_path / "store", address.partition("@")[0] + ":v2", pushed[2]).version.path)


def test_without_credentials_and_with_wrong_ones_it_is_gated(
    pushed: tuple[str, Path, dict[str, str]], tmp_path: Path
) -> None:
    address, _, environment = pushed
    with pytest.raises(Gated, match="no credentials fit it"):
        fetch(tmp_path, address, {"HOME": str(tmp_path)})
    wrong = write_credentials(tmp_path / "wrong.json", address.split("/")[2], password="other")
    with pytest.raises(Gated, match=f"to {USER} ") as refused:
        fetch(tmp_path, address, wrong)
    assert PASSWORD not in str(refused.value)
    assert contents(fetch(tmp_path, address, environment).version.path)


def test_a_cut_connection_to_a_registry_is_taken_up_where_it_was_cut(
    pushed: tuple[str, Path, dict[str, str]], closed: str, tmp_path: Path
) -> None:
    address, origin, _ = pushed
    with in_front_of(closed) as proxy:
        through = f"127.0.0.1:{proxy.port}"
        proxy.faults.cut_after_bytes = [30_000, 1_000]
        environment = write_credentials(tmp_path / "auth.json", through)
        fetched = fetch(tmp_path / "store", address.replace(closed, through), environment)
    assert contents(fetched.version.path) == contents(origin)
    assert resumed(proxy.asked)


def test_a_registry_that_wants_tokens_is_written_to_and_read_with_those_that_a_password_buys(tmp_path: Path) -> None:
    authority, certificate = write_authority(tmp_path)
    version = fetched_from_hub(tmp_path / "here").version
    write_oci_layout(version, tmp_path / "image")
    with (
        running_issuer(certificate, authority) as issuer,
        running_registry(tmp_path / "registry", issuer.auth) as registry,
    ):
        environment = write_credentials(tmp_path / "auth.json", registry)
        target = require_source(f"oci://{registry}/models/reranker", None)
        digest = push_layout(tmp_path / "image", target, "v1", environment, NO_PAUSE)
        assert issuer.server.asked
        fetched = fetch(tmp_path / "store", f"oci://{registry}/models/reranker@{digest}", environment)
        assert contents(fetched.version.path) == contents(version.path)
        with pytest.raises(Gated):
            fetch(tmp_path / "other", f"oci://{registry}/models/reranker@{digest}", {"HOME": str(tmp_path)})
