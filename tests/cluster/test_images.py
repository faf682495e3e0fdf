from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

from tests.cluster.images import ProgramImage


def image_of(folder: Path) -> ProgramImage:
    program = folder / "program"
    program.write_bytes(b"\x7fELF")
    return ProgramImage("test.local/program:1", {"/bin/program": program}, ["/bin/program"], {"/bin/other": "program"})


def test_the_same_program_gives_the_same_archive(tmp_path: Path) -> None:
    image = image_of(tmp_path)
    image.write(tmp_path / "one.tar")
    image.write(tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_every_blob_has_the_digest_that_refers_to_it(tmp_path: Path) -> None:
    image_of(tmp_path).write(tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as tar:
        content = {member.name: reader.read() for member in tar if (reader := tar.extractfile(member))}
    for name, blob in content.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}"
    entry = json.loads(content["index.json"])["manifests"][0]
    manifest = json.loads(content["blobs/" + entry["digest"].replace(":", "/")])
    configuration = json.loads(content["blobs/" + manifest["config"]["digest"].replace(":", "/")])
    assert configuration["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    assert entry["annotations"] == {"io.containerd.image.name": "test.local/program:1"}
