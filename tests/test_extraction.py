"""The store as it is filled from the cache and the upstream, on tones and a tiny network."""

import os
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from invented import LAYERS, MARGIN_SECONDS, SPEEDS, model, write_corpus

from voicegraft.embedding import index
from voicegraft.embedding.cache import Cache
from voicegraft.embedding.extraction import encode, fill
from voicegraft.embedding.kept import KeptShards
from voicegraft.embedding.keys import keys_for
from voicegraft.embedding.takes import Take, takes
from voicegraft.embedding.writer import write_store

PLENTY = 10**9


@pytest.fixture
def corpus(tmp_path):
    """A corpus of this test's own, so that it may be changed."""
    return write_corpus(tmp_path / "corpus")


class Extraction:
    """What the stage does, with a count of what had to be encoded."""

    def __init__(self, folder, upstream, limit=PLENTY):
        self.folder, self.upstream = folder, upstream
        self.limit, self.precision, self.shards = limit, "float32", None
        self.watch = lambda _chosen: None

    def __call__(self, corpus, margin=MARGIN_SECONDS, layers=LAYERS, batches=None, name="store"):
        """Return the ids of takes that were encoded; die after so many batches."""
        chosen = takes(corpus.utterances, SPEEDS, self.upstream.max_samples)
        frames = {take.id: self.upstream.frames(take.samples, margin) for take in chosen}
        keys = keys_for(self.upstream, layers, margin, self.precision, corpus)
        encoder = partial(encode, self.upstream, corpus, layers, margin, self.precision, 3.0)
        with (
            Cache(self.folder / "cache", self.limit) as cache,
            self.written(self.folder / name, layers, frames) as store,
        ):
            filled = fill(store, chosen, keys, cache, partial(self.encoded, encoder, batches))
            return [take.id for take, fresh in filled if fresh]

    def written(self, folder, layers, frames):
        size = self.upstream.size
        return write_store(folder, layers, size, frames, {}, sorted(frames), self.shards)

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
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


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
    one, other = (bytes_of(extract.folder / name / "layer_1") for name in ("fresh", "cached"))
    assert one == other


@pytest.fixture
def keeping(extract, monkeypatch):
    """Extraction into small shards, which are kept for the next store."""
    monkeypatch.setattr(index, "SHARD_BYTES", 20_000)
    extract.shards = KeptShards(extract.folder / "shards")
    return extract


def files_of(folder):
    """Return the number by which the disk knows each shard."""
    return {path.relative_to(folder): path.stat().st_ino for path in folder.glob("*/*.npy")}


def test_a_clip_added_rewrites_its_own_shards_and_the_store_is_as_without_what_was_kept(
    keeping, corpus
):
    whole = corpus.utterances
    keeping(with_utterances(corpus, whole[:-1]), name="before")
    keeping(with_utterances(corpus, whole), name="after")
    before, after = (files_of(keeping.folder / name) for name in ("before", "after"))
    assert len(after) > 12
    assert 0 < len(after.items() - before.items()) <= len(after) / 3
    keeping.shards = None
    keeping(corpus, name="alone")
    assert bytes_of(keeping.folder / "after") == bytes_of(keeping.folder / "alone")


def test_kept_shards_are_of_the_same_weights_alone(keeping, corpus):
    everything = keeping(corpus, name="before")
    keeping.upstream.requires_grad_(False)
    keeping.upstream.blocks[0].up.bias[3] += 1e-3
    assert keeping(corpus, name="after") == everything
    before, after = (files_of(keeping.folder / name) for name in ("before", "after"))
    assert not set(before.values()) & set(after.values())


def test_kept_shards_that_a_store_has_in_one_layer_alone_are_written_in_all(keeping, corpus):
    keeping(corpus, layers=[1], name="one")
    keeping(corpus, layers=[0, 1], name="both")
    keeping.shards = None
    keeping(corpus, layers=[0, 1], name="alone")
    assert bytes_of(keeping.folder / "both") == bytes_of(keeping.folder / "alone")


def test_a_shard_that_no_store_has_any_more_is_not_kept(keeping, corpus):
    keeping(corpus, name="store")
    shards = list(keeping.shards.folder.iterdir())
    assert {shard.stat().st_nlink for shard in shards} == {2}
    shutil.rmtree(keeping.folder / "store")
    keeping(corpus, name="store")  # from what was kept, as DVC deletes the store first
    assert sorted(keeping.shards.folder.iterdir()) == sorted(shards)
    shutil.rmtree(keeping.folder / "store")
    keeping.shards = KeptShards(keeping.shards.folder)
    keeping(corpus, margin=0.2, name="other")
    assert not {shard.name for shard in shards} & {p.name for p in keeping.shards.folder.iterdir()}


def test_where_nothing_can_be_linked_the_store_is_the_same(keeping, corpus, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    keeping(corpus, name="linked")
    monkeypatch.setattr(os, "link", refuse)
    keeping(corpus, name="written")
    assert bytes_of(keeping.folder / "linked") == bytes_of(keeping.folder / "written")
