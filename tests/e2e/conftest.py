from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.kubernetes import Cluster, SearchPod, search_pod


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kube-context", help="The kubeconfig's context to use; it must be named.")
    parser.addoption("--image", help="Image of the scorer, as the cluster's nodes know it.")
    parser.addoption("--other-image", help="Another tag of it, to upgrade to, as the cluster's nodes know it.")
    parser.addoption("--search-image", help="Image of the search pod, as the cluster's nodes know it.")
    parser.addoption("--operator-image", help="Image of the operator, as the cluster's nodes know it.")


def _required(config: pytest.Config, option: str) -> str:
    value = config.getoption(option)
    if not value:
        raise pytest.UsageError(f"{option} is missing: end-to-end tests touch the cluster that was named and no other.")
    return str(value)


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    return Cluster(_required(pytestconfig, "--kube-context"))


@pytest.fixture(scope="session")
def image(pytestconfig: pytest.Config) -> str:
    return _required(pytestconfig, "--image")


@pytest.fixture(scope="session")
def other_image(pytestconfig: pytest.Config) -> str:
    return _required(pytestconfig, "--other-image")


@pytest.fixture(scope="session")
def search_image(pytestconfig: pytest.Config) -> str:
    return _required(pytestconfig, "--search-image")


@pytest.fixture(scope="session")
def operator_image(pytestconfig: pytest.Config) -> str:
    return _required(pytestconfig, "--operator-image")


@pytest.fixture(scope="session")
def search(cluster: Cluster, search_image: str) -> Iterator[SearchPod]:
    with search_pod(cluster, search_image) as pod:
        yield pod
