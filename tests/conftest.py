import shutil

import pytest
from fetched import fetch_upstream
from invented import model, store_corpus, write_corpus

from voicegraft.embedding.store import Store


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory):
    """What fetch_model leaves for Whisper base."""
    folder = fetch_upstream("whisper", "base", tmp_path_factory.mktemp("whisper"))
    yield folder
    shutil.rmtree(folder)  # pytest would keep three of 150 MB


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A prepared corpus of the invented language of tones."""
    return write_corpus(tmp_path_factory.mktemp("tones") / "corpus")


@pytest.fixture(scope="session")
def store(tmp_path_factory, corpus):
    """The states of that corpus, by the upstream of `invented.model()`."""
    folder = tmp_path_factory.mktemp("store")
    store_corpus(folder, corpus, model())
    return Store(folder)
