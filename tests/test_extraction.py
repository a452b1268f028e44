"""The store as it is filled from the cache and the upstream, on tones and a tiny network."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from invented import LAYERS, MARGIN_SECONDS, SPEEDS, model, write_corpus

from voicegraft.embedding.cache import Cache
from voicegraft.embedding.extraction import encode, fill
from voicegraft.embedding.keys import keys_for
from voicegraft.embedding.store import write_store
from voicegraft.embedding.takes import Take, takes

PLENTY = 10**9


@pytest.fixture
def corpus(tmp_path):
    """A corpus of this test's own, so that it may be changed."""
    return write_corpus(tmp_path / "corpus")


class Extraction:
    """What the stage does, with a count of what had to be encoded."""

    def __init__(self, folder, upstream, limit=PLENTY):
        self.folder, self.upstream = folder, upstream
        self.limit, self.precision = limit, "float32"
        self.watch = lambda _chosen: None

    def __call__(self, corpus, margin=MARGIN_SECONDS, layers=LAYERS, batches=None, name="store"):
        """Return the ids of takes that were encoded; die after so many batches."""
        chosen = takes(corpus.utterances, SPEEDS, self.upstream.max_samples)
        frames = {take.id: self.upstream.frames(take.samples, margin) for take in chosen}
        keys = keys_for(self.upstream, layers, margin, self.precision, corpus)
        encoder = partial(encode, self.upstream, corpus, layers, margin, self.precision, 3.0)
        with (
            Cache(self.folder / "cache", self.limit) as cache,
            write_store(self.folder / name, layers, self.upstream.size, frames, {}) as store,
        ):
            filled = fill(store, chosen, keys, cache, partial(self.encoded, encoder, batches))
            return [take.id for take, fresh in filled if fresh]

    def encoded(self, encoder, batches, chosen):
        self.watch(chosen)
        for number, batch in enumerate(encoder(chosen)):
            if number == batches:
                raise KeyboardInterrupt
            yield batch


@pytest.fixture
def extract(tmp_path):
    return Extraction(tmp_path, model().upstream.eval())


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def of_training(corpus):
    return [Take(u, s).id for u in corpus.of("train") for s in SPEEDS]


def with_utterances(corpus, utterances):
    corpus.utterances = utterances
    return corpus


def test_what_was_encoded_once_is_never_encoded_again(extract, corpus):
    first = extract(corpus, name="first")
    assert sorted(first) == sorted([*(u.id for u in corpus.utterances), *of_training(corpus)])
    assert extract(corpus, name="second") == []
    assert bytes_of(extract.folder / "first") == bytes_of(extract.folder / "second")


def test_without_a_cache_the_bytes_are_the_same(extract, corpus, tmp_path):
    extract(corpus, name="with")
    extract.limit = 0
    assert extract(corpus, name="without")
    assert bytes_of(tmp_path / "with") == bytes_of(tmp_path / "without")


def test_a_clip_added_is_encoded_alone_and_one_removed_costs_nothing(extract, corpus):
    whole = corpus.utterances
    extract(with_utterances(corpus, whole[1:-1]))
    own = [Take(whole[0], speed).id for speed in (1.0, *SPEEDS)]
    assert sorted(extract(with_utterances(corpus, whole[:-1]))) == sorted(own)
    assert extract(with_utterances(corpus, whole[3:9])) == []


def test_another_text_id_side_or_place_in_the_corpus_encodes_nothing(extract, corpus):
    extract(corpus)
    renamed = [
        replace(u, id=f"new/{u.id}", text="other", speaker="", session="")
        for u in corpus.utterances
    ]
    assert extract(with_utterances(corpus, renamed[::-1])) == []
    as_dev = [replace(u, split="dev") for u in renamed]
    assert extract(with_utterances(corpus, as_dev)) == []


def test_a_run_that_is_killed_goes_on_after_its_last_batch(extract, corpus):
    with pytest.raises(KeyboardInterrupt):
        extract(corpus, batches=2)
    rest = extract(corpus)
    everything = takes(corpus.utterances, SPEEDS, 10**9)
    assert 0 < len(rest) < len(everything)
    assert not set(rest) & {t.id for t in sorted(everything, key=lambda t: t.samples)[:2]}


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_clip_whose_states_are_damaged_is_encoded_with_all_of_its_batch(extract, corpus, place):
    extract(corpus, name="first")
    [shard] = (extract.folder / "cache").glob("*.states")
    content = bytearray(shard.read_bytes())
    content[round(place * len(content))] ^= 1
    shard.write_bytes(content)
    encoded = []
    extract.watch = encoded.append
    assert len(extract(corpus, name="again")) == 1
    [asked] = encoded
    assert len(asked) > 1
    assert bytes_of(extract.folder / "first") == bytes_of(extract.folder / "again")


def test_other_weights_are_encoded_anew(extract, corpus):
    everything = extract(corpus)
    extract.upstream.requires_grad_(False)
    extract.upstream.blocks[0].up.bias[3] += 1e-3
    assert extract(corpus) == everything


def test_other_samples_are_encoded_anew(extract, corpus, tmp_path):
    everything = extract(corpus)
    path = tmp_path / "corpus" / "audio.npy"
    np.save(path, np.load(path) + 1)
    assert extract(corpus) == everything


def test_another_window_or_a_layer_not_stored_before_is_encoded_anew(extract, corpus):
    everything = extract(corpus, layers=[1])
    assert extract(corpus, layers=[1], margin=0.2) == everything
    assert extract(corpus, layers=[0, 1]) == everything


def test_another_precision_is_encoded_anew(extract, corpus):
    everything = extract(corpus)
    extract.precision = "bfloat16"
    assert extract(corpus) == everything


def test_states_from_the_cache_are_those_from_the_upstream(extract, corpus):
    extract(corpus, name="fresh")
    extract(corpus, name="cached", layers=[1])
    one, other = (bytes_of(extract.folder / name)["layer_1.npy"] for name in ("fresh", "cached"))
    assert one == other
