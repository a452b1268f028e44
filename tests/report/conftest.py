"""An invented project and its report."""

import shutil

import pytest
from browsing import DESKTOP, draw_all, launched
from read import Page
from reported import write_project

from voicegraft.report.findings import Findings
from voicegraft.report.page import rendered


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project that nobody changes."""
    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def page(finished):
    return Page(rendered(Findings(finished), 3))


@pytest.fixture
def project(finished, tmp_path):
    """A project to change."""
    return shutil.copytree(finished, tmp_path / "project")


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


@pytest.fixture
def opened(chromium, report):
    """Open the `report` of a module; what goes wrong, and all that it asks for, is kept."""
    contexts = []

    def open_page(viewport=DESKTOP, scheme="light"):
        context = chromium.new_context(viewport=viewport, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.wrongs = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda line: line.type == "error" and page.wrongs.append(line.text))
        page.on("pageerror", lambda error: page.wrongs.append(str(error)))
        page.on("dialog", lambda dialog: page.wrongs.append(f"dialog: {dialog.message}"))
        page.goto(report.as_uri())
        draw_all(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
