"""Sources behind a certificate of an authority that only SSL_CERT_FILE names, as inside a company's network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .models import model_files
from .servers.authority import write_authority
from .servers.container_registry import MANIFEST_TYPE, digest_of, layer_of, manifest_of
from .servers.faulty import Handler
from .servers.hub import FakeHub
from .test_commands import run
from .test_web import tar_of

FILES = model_files()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_authority(tmp_path_factory.mktemp("authority"))


def image_answer(manifest: bytes) -> Callable[[Handler], bool]:
    def answer(handler: Handler) -> bool:
        if handler.path != "/v2/a/model/manifests/latest":
            return False
        handler.send_plain(200, manifest, Content_Type=MANIFEST_TYPE)
        return True

    return answer


@pytest.fixture
def hub(authority: tuple[Path, Path]) -> Iterator[FakeHub]:
    """A hub that has an archive and a bucket as well."""
    hub = FakeHub()
    hub.add("org/name", FILES)
    hub.server.files = dict.fromkeys(("/model.tar", "/bucket/model.tar"), tar_of(FILES, "w"))
    layer = layer_of(FILES)
    hub.server.files |= {f"/v2/a/model/blobs/{digest_of(layer)}": layer}
    hub.server.answers.append(image_answer(manifest_of([layer])))
    hub.server.encrypt(authority[1])
    with hub.server.running():
        yield hub


@pytest.mark.parametrize("source", ["hf://org/name", "{0}/model.tar", "s3://bucket/model.tar", "oci://{1}/a/model"])
def test_an_authority_of_one_s_own_is_believed_where_it_is_named_and_only_there(
    hub: FakeHub, authority: tuple[Path, Path], tmp_path: Path, source: str
) -> None:
    environment = {
        "PATH": "/usr/bin",
        "HOME": "/nonexistent",
        "AWS_ENDPOINT_URL": hub.server.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        **hub.environment,
    }
    command = (
        "model",
        "fetch",
        source.format(hub.server.url, hub.server.url.partition("://")[2]),
        "--dir",
        str(tmp_path / "store"),
    )
    refused = run(*command, environment=environment)
    assert refused.returncode == 12, refused.stderr
    assert "CA bundle" in refused.stderr
    # Of httpx, of huggingface_hub, and ours for a client that does not say it.
    assert any(words in refused.stderr for words in ("CERTIFICATE_VERIFY_FAILED", "certificate is not trusted"))
    fetched = run(*command, environment=environment | {"SSL_CERT_FILE": str(authority[0])})
    assert fetched.returncode == 0, fetched.stderr
    assert (Path(fetched.stdout.strip()) / "model.safetensors").read_bytes() == FILES["model.safetensors"]
