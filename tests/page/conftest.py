from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests import needs
from tests.in_ci import IN_CI, lacking
from tests.live.server import LiveServer

from .browser import CHROMIUM, DESKTOP, PATIENCE_MS, chromium
from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Without playwright these modules cannot even be imported. Locally a missing tool skips; in CI it fails.
collect_ignore_glob = [] if IN_CI or find_spec("playwright") else ["test_*.py"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module. Where it is missing its tests skip; in CI they fail.

    Not for the whole session: while it runs, this thread counts as inside an event loop, and tests of other folders
    could not run one of their own.
    """
    if not CHROMIUM.exists():
        lacking(needs.CHROMIUM.lack)
    from playwright.sync_api import expect  # noqa: PLC0415 - only here is it known to be there

    expect.set_options(timeout=PATIENCE_MS)
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser: Browser, server: LiveServer) -> Iterator[Visit]:
    """The page of the module's server, opened."""
    with Visit.to(browser, server, viewport=DESKTOP) as visiting:
        visiting.open()
        yield visiting
