"""With the buildah of this machine, which builds an image of one file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from images.container_tool import ContainerTool
from images.own_store import own_store
from tests import needs
from tests.in_ci import lacking

NAME = "localhost/bge-reranker-test-of-own-store:1"


@pytest.fixture
def buildah() -> ContainerTool:
    if shutil.which("buildah") is None:
        lacking(needs.BUILDAH.lack)
    return ContainerTool("buildah")


def test_what_is_built_in_a_store_of_its_own_is_gone_with_it_and_the_machine_s_never_had_it(
    buildah: ContainerTool, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(
        "FROM scratch AS first\nADD Dockerfile /\nFROM first\nCOPY --from=first / /second/\n"
    )
    machine = buildah.store()
    with own_store(buildah):
        own = buildah.store()
        buildah.build(NAME, tmp_path, tmp_path / "Dockerfile", target="", arguments={})
        assert buildah.has(NAME)
        assert own.is_relative_to("/var/tmp")
    assert not own.parent.exists()
    assert buildah.store() == machine
    assert not buildah.has(NAME)
