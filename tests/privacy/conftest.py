"""Tones, for shadow heads."""

import json

import pytest
from invented import model, store_corpus, write_corpus

from voicegraft.model import upstream as upstreams


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tones, and the states that an untrained network has of them."""
    folder = tmp_path_factory.mktemp("tones")
    store_corpus(folder / "embeddings", write_corpus(folder / "corpus"), model())
    (folder / "upstream").mkdir()
    identity = {"name": "random", "config": upstreams.plugin("random").TINY}
    (folder / "upstream" / upstreams.IDENTITY_FILE).write_text(json.dumps(identity))
    return folder
