"""A folder of clips, its server, and a browser with a microphone that beeps."""

import pytest
from browsing import DESKTOP, launched
from served_page import running, session_of, write_own

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

STRANGER = "--host-resolver-rules=MAP evil.example 127.0.0.1"
"""A name of somebody else's that leads to this machine."""


@pytest.fixture
def folder(tmp_path):
    return write_own(tmp_path / "own")


@pytest.fixture
def client(folder):
    with running(session_of(folder)) as client:
        yield client


@pytest.fixture(scope="module")  # of two browsers at once Playwright would stop at the second
def chromium():
    with launched(*MICROPHONE, STRANGER) as browser:
        yield browser


@pytest.fixture
def opened(chromium):
    """Open the page of a client; what goes wrong, and all that it asks for, is kept."""
    contexts = []

    def open_page(client, viewport=DESKTOP, scheme="light", context=None):
        context = context or chromium.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.asked, page.wrongs = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.wrongs.append(str(error)))
        page.on("console", lambda line: line.type == "error" and page.wrongs.append(line.text))
        page.goto(client.address)
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
