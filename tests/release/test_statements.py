from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

import click
import pytest

from release.artefacts import Chart, Image, Record
from release.bill_of_materials import counted
from release.making import values_by_digest
from release.provenance import provenance
from release.publishing import commit_in
from release.registry import is_absent, is_local, reason

MOMENT = dt.datetime(2026, 12, 1, 2, 3, 4, tzinfo=dt.UTC)
CPU = Image("service-cpu", "bge-reranker", "0.2.0-cpu", "sha256:" + "1" * 64, 7)
OPERATOR = Image("operator", "bge-reranker-operator", "0.2.0", "sha256:" + "2" * 64, 7)


def test_provenance_names_the_commit_the_base_and_what_pins_the_rest(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "service.txt").write_text("httpx==1")
    base = {"name": "docker.io/library/python", "digest": "sha256:" + "3" * 64}
    predicate = provenance(tmp_path, "c0ffee", {"version": "0.2.0"}, MOMENT, MOMENT, base)
    assert commit_in(predicate) == "c0ffee"
    assert predicate["buildDefinition"]["resolvedDependencies"][1:] == [
        {"name": "docker.io/library/python", "digest": {"sha256": "3" * 64}},
        {"name": "requirements/service.txt", "digest": {"sha256": hashlib.sha256(b"httpx==1").hexdigest()}},
    ]
    assert predicate["runDetails"]["metadata"]["startedOn"] == "2026-12-01T02:03:04Z"


def test_a_bill_of_materials_without_the_system_s_packages_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    python, debian = {"purl": "pkg:pypi/httpx@1"}, {"purl": "pkg:deb/debian/libc6@2"}
    file.write_text(json.dumps({"components": [python, debian, python, {"name": "no package"}]}))
    assert counted(file, "service") == {"deb": 1, "pypi": 2}
    file.write_text(json.dumps({"components": [python]}))
    with pytest.raises(click.ClickException, match="of service lists no packages of Debian"):
        counted(file, "service")


def test_a_record_is_read_as_it_was_written_and_a_missing_one_is_told(tmp_path: Path) -> None:
    record = Record("0.2.0", "c0ffee", "registry.example", (CPU, OPERATOR), Chart("0.2.0", "sha256:4", "5"))
    with pytest.raises(click.ClickException, match=r"release\.json is missing: `make release` writes it"):
        Record.read(tmp_path)
    record.write(tmp_path)
    assert Record.read(tmp_path) == record


def test_values_by_digest_choose_the_scorer_and_leave_an_operator_out_that_was_not_released() -> None:
    whole = values_by_digest("registry.example", {"service-cpu": CPU, "operator": OPERATOR}, "service-cpu")
    assert whole == {
        "image": {"registry": "registry.example", "digest": CPU.digest},
        "gpu": {"count": 0},
        "operator": {"image": {"digest": OPERATOR.digest}},
    }
    assert "operator" not in values_by_digest("registry.example", {"service-cpu": CPU}, "service-cpu")


@pytest.mark.parametrize("address", ["localhost:5000", "localhost/search", "127.0.0.1:5000/search", "[::1]:5000"])
def test_a_registry_on_this_machine_is_taken_to_have_no_certificate(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize("address", ["registry.example", "localhost.example:5000", "1127.0.0.1:5000"])
def test_any_other_registry_is_asked_with_encryption(address: str) -> None:
    assert not is_local(address)


def test_a_tag_that_is_missing_is_told_from_a_password_that_is() -> None:
    reference = "registry.example/a/b:1"
    missing = f"Error response from registry: failed to resolve digest: {reference}: not found"
    closed = "`oras resolve` ended with 1:\nError: failed to resolve digest: basic credential not found\nPlease check"
    assert is_absent(missing, reference)
    assert not is_absent(closed, reference)
    assert reason(closed) == "failed to resolve digest: basic credential not found"
