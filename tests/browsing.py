"""A browser that looks at a report, or at the page of `voicegraft listen`."""

import os
import shutil
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def installed():
    """Return Chromium; without one, skip the test."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or pytest.skip(f"none of {', '.join(NAMES)} is installed")


@contextmanager
def launched(*flags):
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = installed()
    with driver.sync_playwright() as browsers:
        # Chromium has no sandbox for root, as whom containers run.
        safe = [] if os.geteuid() else ["--no-sandbox"]
        browser = browsers.chromium.launch(executable_path=path, args=[*safe, *flags])
        yield browser
        browser.close()


def draw_all(page):
    """Open what is folded and look at every plot, for each is drawn once it is in sight."""
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    for figure in page.locator("figure").all():
        figure.scroll_into_view_if_needed()
        figure.locator("svg").first.wait_for()
