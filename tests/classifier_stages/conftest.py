"""A prepared corpus of tones, and a model of them, for the stages that score classifiers."""

import sys

import pytest
from invented import store_corpus
from pitched import ONE_FRAME, tiny, train, write_corpus
from staged import write_params

from voicegraft import heads
from voicegraft.model.saved import save_model


@pytest.fixture(scope="module", autouse=True)
def plugged(tmp_path_factory):
    """A folder of heads beside voicegraft's, with one that emits a single frame."""
    folder = tmp_path_factory.mktemp("heads")
    (folder / "one_frame.py").write_text(ONE_FRAME)
    heads.__path__.append(str(folder))
    yield
    heads.__path__.remove(str(folder))
    sys.modules.pop("voicegraft.heads.one_frame", None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A corpus, its states, a classifier trained without noise, and a model that transcribes."""
    folder = tmp_path_factory.mktemp("made")
    corpus = write_corpus(folder / "corpus")
    model = tiny(["high", "low", "middle"], "one_frame")
    train(model, corpus)
    save_model(model, folder / "model")
    save_model(tiny(["", "a"], "ctc_linear"), folder / "transcriber")
    store_corpus(folder / "embeddings", corpus, model)
    return folder


@pytest.fixture
def project(tmp_path, made, monkeypatch):
    """The working directory: what was made, and params.yaml."""
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    write_params(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
