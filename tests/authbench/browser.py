"""A real browser for tests: headless Chromium by Playwright, where this machine has one; else the test is skipped."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
PATIENCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Tab:
    """One page of a browser, and everything it complained of: errors on its console, exceptions, failed requests."""

    page: Page
    complaints: list[str] = field(default_factory=list)


def executable() -> str:
    """The browser of this machine; without one the test is skipped and counted."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or pytest.skip(f"no browser: found none of {', '.join(NAMES)} on PATH; install chromium")


@contextmanager
def opened_tab(url: str) -> Iterator[Tab]:
    """A browser that shows `url`. Whatever it waits for it waits for a minute."""
    # the sandbox of Chromium refuses to serve root
    sandbox = () if os.geteuid() else ("--no-sandbox",)
    expect.set_options(timeout=PATIENCE_MS)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable(), args=[*QUIET, "--no-first-run", *sandbox]) as browser,
    ):
        tab = Tab(browser.new_page(viewport={"width": 1200, "height": 900}))
        tab.page.set_default_timeout(PATIENCE_MS)
        tab.page.on("console", lambda said: tab.complaints.append(said.text) if said.type == "error" else None)
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on("requestfailed", lambda request: tab.complaints.append(f"{request.url}: {request.failure}"))
        tab.page.goto(url)
        yield tab
