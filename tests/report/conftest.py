"""An invented project and its report."""

import shutil

import pytest
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
