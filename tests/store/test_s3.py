"""Fetching from an object store: moto's server, and the client that is shipped."""

from __future__ import annotations

import io
import logging
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships none
import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from bge_reranker.errors import CorruptFile, DigestMismatch, Gated, HubUnreachable, SettingsError, UnknownModel

from .models import NEEDED, contents, fetch, model_files
from .servers.faulty import FaultyServer, Handler, etag_of

FILES = model_files()
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    make_bucket(f"http://{host}:{port}")
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@dataclass(frozen=True)
class Bucket:
    """A bucket with a model under a prefix, and another model beside it."""

    store: S3Store
    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return KEYS | {"AWS_ENDPOINT_URL": self.endpoint}


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    store = client(endpoint)
    for name, content in FILES.items():
        obstore.put(store, f"models/large/v1/{name}", content)
    obstore.put(store, "models/large/v1x/config.json", b"{}")
    return Bucket(store, endpoint)


def client(endpoint: str) -> S3Store:
    config: Any = {"aws_endpoint_url": endpoint} | {name.lower(): value for name, value in KEYS.items()}
    return S3Store("bucket", config=config, client_options={"allow_http": True})


def make_bucket(endpoint: str) -> None:
    # The client that is shipped cannot make buckets.
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "eu-central-1"}
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )


def test_a_prefix_is_fetched_in_segments(bucket: Bucket, tmp_path: Path) -> None:
    fetched = fetch(tmp_path, "s3://bucket/models/large/v1", bucket.environment)
    assert contents(fetched.version.path) == {name: FILES[name] for name in NEEDED}
    assert fetched.manifest.provenance is not None
    assert fetched.manifest.provenance.source == "s3://bucket/models/large/v1"
    assert fetch(tmp_path, "s3://bucket/models/large/v1/").was_there


def test_the_endpoint_of_s3_alone_goes_first(bucket: Bucket, tmp_path: Path) -> None:
    environment = KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_S3": bucket.endpoint}
    assert not fetch(tmp_path, "s3://bucket/models/large/v1", environment).was_there


def test_keys_may_lie_in_a_shared_file(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[other]\naws_access_key_id = key\naws_secret_access_key = 100%secret\n", encoding="utf-8-sig")
    environment = {
        "AWS_ENDPOINT_URL": bucket.endpoint,
        "AWS_SHARED_CREDENTIALS_FILE": str(file),
        "AWS_PROFILE": "other\n",
    }
    assert not fetch(tmp_path / "store", "s3://bucket/models/large/v1", environment).was_there


def test_an_archive_is_one_object(bucket: Bucket, tmp_path: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    obstore.put(bucket.store, "models/large.tar", data.getvalue())
    fetched = fetch(tmp_path, "s3://bucket/models/large.tar", bucket.environment)
    assert contents(fetched.version.path)["model.safetensors"] == FILES["model.safetensors"]


def test_objects_are_compared_with_a_manifest_among_them(bucket: Bucket, tmp_path: Path) -> None:
    environment = bucket.environment
    version = fetch(tmp_path / "a", "s3://bucket/models/large/v1", environment).version
    for path in version.path.iterdir():
        obstore.put(bucket.store, f"copy/{path.name}", path.read_bytes())
    assert not fetch(tmp_path / "b", "s3://bucket/copy", environment).was_there
    obstore.put(bucket.store, "copy/tokenizer.json", b'{"model": []}')
    with pytest.raises(DigestMismatch, match=r"tokenizer\.json"):
        fetch(tmp_path / "c", "s3://bucket/copy", environment)


def test_a_manifest_beyond_all_measure_is_not_read(bucket: Bucket, tmp_path: Path) -> None:
    obstore.put(bucket.store, "huge/config.json", b"{}")
    obstore.put(bucket.store, "huge/manifest.json", bytes(4_194_305))
    with pytest.raises(CorruptFile, match=r"manifest\.json is larger than a manifest can be"):
        fetch(tmp_path, "s3://bucket/huge", bucket.environment)


@pytest.mark.parametrize("place", ["bucket/nothing", "bucket/nothing.tar", "no-such-bucket/x"])
def test_what_is_not_there_is_unknown(bucket: Bucket, tmp_path: Path, place: str) -> None:
    with pytest.raises(UnknownModel):
        fetch(tmp_path, f"s3://{place}", bucket.environment)


def test_a_store_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(HubUnreachable, match="does not answer"):
        fetch(tmp_path, "s3://bucket/x", KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})


def test_who_gives_no_keys_is_told_so(bucket: Bucket, tmp_path: Path) -> None:
    # Where a machine has a role, its metadata service gives keys; this one does not answer.
    environment = {"AWS_ENDPOINT_URL": bucket.endpoint, "AWS_METADATA_ENDPOINT": "http://127.0.0.1:9"}
    with pytest.raises(Gated, match="No credentials were given") as refused:
        fetch(tmp_path, "s3://bucket/models/large/v1", environment)
    assert "AWS_SKIP_SIGNATURE" in refused.value.sentence()


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_a_key_is_a_setting_s_fault(bucket: Bucket, tmp_path: Path, missing: str) -> None:
    with pytest.raises(SettingsError, match=f"{missing} is not set"):
        fetch(tmp_path, "s3://bucket/models/large/v1", bucket.environment | {missing: ""})


@pytest.mark.parametrize("endpoint", ["store:9000", "store", "https://", "::"])
def test_an_endpoint_that_is_no_address_is_a_setting_s_fault(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(SettingsError, match=r"AWS_ENDPOINT_URL is .*, which is no address"):
        fetch(tmp_path, "s3://bucket/x", KEYS | {"AWS_ENDPOINT_URL": endpoint})


@pytest.mark.parametrize("place", ["bucket/a//b", "bucket//a", "bucket/./a"])
def test_a_prefix_with_an_empty_part_is_unknown(tmp_path: Path, place: str) -> None:
    with pytest.raises(UnknownModel, match="empty or a dot"):
        fetch(tmp_path, f"s3://{place}", KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    """A store with one model, which does not keep what it promises."""
    server = FaultyServer()
    server.files = {f"/bucket/model/{name}": FILES[name] for name in NEEDED}
    server.answers.append(list_objects)
    with server.running():
        yield server


def list_objects(handler: Handler) -> bool:
    if handler.path.partition("?")[0] != "/bucket":
        return False
    objects = "".join(
        f"<Contents><Key>model/{name}</Key><LastModified>2026-01-01T00:00:00Z</LastModified>"
        f"<ETag>&quot;{etag_of(FILES[name])}&quot;</ETag><Size>{len(FILES[name])}</Size></Contents>"
        for name in NEEDED
    )
    handler.send_plain(200, f"<ListBucketResult><Name>bucket</Name>{objects}</ListBucketResult>".encode())
    return True


def fetch_faulty(server: FaultyServer, directory: Path) -> dict[str, bytes]:
    return contents(fetch(directory, "s3://bucket/model", KEYS | {"AWS_ENDPOINT_URL": server.url}).version.path)


def test_an_object_that_is_cut_goes_on_where_it_ended(faulty: FaultyServer, tmp_path: Path) -> None:
    faulty.faults.cut_after_bytes = [1_000, 20_000, 1, 0]
    assert fetch_faulty(faulty, tmp_path) == {name: FILES[name] for name in NEEDED}
    assert faulty.faults.cut_after_bytes == []


def test_a_store_that_cuts_everything_is_given_up_and_the_next_fetch_goes_on(
    faulty: FaultyServer, tmp_path: Path
) -> None:
    faulty.faults.cut_after_bytes = [0] * 200
    with pytest.raises(HubUnreachable, match=r"s3://bucket/model does not answer"):
        fetch_faulty(faulty, tmp_path)
    faulty.faults.cut_after_bytes = []
    assert fetch_faulty(faulty, tmp_path) == {name: FILES[name] for name in NEEDED}


def test_a_slow_store_is_waited_for(faulty: FaultyServer, tmp_path: Path) -> None:
    faulty.faults.bytes_per_piece, faulty.faults.pause_s = 16_384, 0.05
    assert fetch_faulty(faulty, tmp_path) == {name: FILES[name] for name in NEEDED}


def refuse(handler: Handler) -> bool:
    handler.send_plain(403, b"<Error><Code>AccessDenied</Code></Error>")
    return True


def test_a_refusal_is_about_credentials(tmp_path: Path) -> None:
    server = FaultyServer()
    server.answers.append(refuse)
    with server.running(), pytest.raises(Gated, match="credentials"):
        fetch(tmp_path, "s3://bucket/x", KEYS | {"AWS_ENDPOINT_URL": server.url})
