from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs import CHROMIUM, HELM, summary

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
WITHOUT = f"""
import pytest

@pytest.fixture
def browser():
    pytest.skip({CHROMIUM.lack!r})

@pytest.mark.parametrize("number", range(3))
def test_of_the_page(browser, number): ...

def test_of_the_chart():
    pytest.skip({HELM.lack!r})

@pytest.mark.skipif(True, reason={CHROMIUM.lack!r})
def test_marked(): ...

def test_of_a_gpu():
    pytest.skip("no GPU")

def test_that_runs(): ...
"""
EXPECTED = "5 tests were skipped because programs are missing: chromium (4), helm (1). Run `make setup-all`."


def test_skipped_tests_end_with_one_line_that_says_how_to_run_them(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest("from tests.conftest import pytest_addoption, pytest_terminal_summary")
    pytester.makepyfile(WITHOUT)
    done = pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider")
    assert done.outlines[-2] == EXPECTED, done.outlines
    done.assert_outcomes(passed=1, skipped=6)


def test_nothing_is_said_when_nothing_was_skipped_for_want_of_a_program() -> None:
    assert summary(["Skipped: no GPU"]) == ""
