"""An invented project of classifiers, where the tests above have one of texts."""

import pytest
from reported_classes import write_class_project


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project that nobody changes."""
    return write_class_project(tmp_path_factory.mktemp("words"))
