"""Training clips that are stored and trained on as degraded recordings."""

from collections import Counter
from functools import partial

import numpy as np
import pytest
import torch
from invented import LAYERS, MARGIN_SECONDS, SPEEDS, model, write_corpus
from test_takes import NO_MASKS

from stages.extract_embeddings import facts_of
from voicegraft.embedding.cache import Cache
from voicegraft.embedding.extraction import encode, fill
from voicegraft.embedding.extractor import Extractor
from voicegraft.embedding.keys import keys_for
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.store import Store
from voicegraft.embedding.takes import SEED, DegradedTake, Take, degraded_takes, takes
from voicegraft.embedding.writer import write_store
from voicegraft.model import upstream as upstreams
from voicegraft.pipeline.params import read_params
from voicegraft.speech.degradation import Condition, Degradation, DegradedCorpus
from voicegraft.training.inputs import AudioFeatures, StoredStates

AUGMENT = [Degradation(noise="white", snr_db=[0, 20]), Degradation(telephone="band")]


def degraded(corpus, augment):
    return [take for u in corpus.of("train") for take in degraded_takes(u, augment)]


def test_a_degraded_take_sounds_as_the_clip_does_in_its_condition(corpus):
    clip = corpus.of("train")[0]
    noisy, narrow = degraded_takes(clip, AUGMENT)
    assert narrow.condition == Condition(telephone="band")
    expected = DegradedCorpus(corpus, narrow.condition, SEED + 1).wave(clip)
    assert np.array_equal(narrow.wave(corpus).numpy(), expected)
    assert noisy.samples == len(noisy.wave(corpus)) == clip.samples
    assert len({clip.id, noisy.id, narrow.id}) == 3


def test_two_degradations_of_a_kind_meet_different_noise(corpus):
    one, other = degraded_takes(corpus.of("train")[0], [AUGMENT[0].model_copy()] * 2)
    level = one.condition
    other = DegradedTake(other.utterance, number=1, condition=level)
    assert not torch.equal(one.wave(corpus), other.wave(corpus))


def test_of_several_levels_each_clip_has_one_and_always_the_same(tmp_path):
    corpus = write_corpus(tmp_path / "corpus", clips=120)
    drawn = [take.condition.snr_db for take in degraded(corpus, AUGMENT[:1])]
    assert drawn == [take.condition.snr_db for take in degraded(corpus, AUGMENT[:1])]
    shares = Counter(drawn)
    assert set(shares) == {0, 20}
    assert all(0.35 < count / len(drawn) < 0.65 for count in shares.values())


@pytest.fixture
def extract(tmp_path):
    """What the stage does with degraded takes besides, on a tiny network."""
    upstream = model().upstream.eval()

    def run(corpus, augment, speeds=SPEEDS):
        chosen = takes(corpus.utterances, speeds, upstream.max_samples) + degraded(corpus, augment)
        frames = {take.id: upstream.frames(take.samples, MARGIN_SECONDS) for take in chosen}
        keys = keys_for(upstream, LAYERS, MARGIN_SECONDS, "float32", corpus)
        encoder = partial(encode, upstream, corpus, LAYERS, MARGIN_SECONDS, "float32", 5.0)
        facts = {"speeds": speeds, "augment": [a.model_dump() for a in augment]}
        with (
            Cache(tmp_path / "cache", 10**9) as cache,
            write_store(tmp_path / "store", LAYERS, upstream.size, frames, facts) as store,
        ):
            fresh = [take.id for take, new in fill(store, chosen, keys, cache, encoder) if new]
        return Store(tmp_path / "store"), fresh

    return run


def test_a_degradation_is_encoded_once_and_costs_the_clips_themselves_nothing(extract, corpus):
    extract(corpus, [])
    narrow = AUGMENT[1:]
    assert sorted(extract(corpus, narrow)[1]) == sorted(t.id for t in degraded(corpus, narrow))
    assert extract(corpus, narrow)[1] == []


def test_another_level_is_encoded_anew(extract, corpus):
    level, other = ([Degradation(noise="white", snr_db=[snr])] for snr in (10, 5))
    first = set(extract(corpus, level)[1])
    assert set(extract(corpus, other)[1]) == {t.id for t in degraded(corpus, other)} <= first


def test_an_epoch_trains_on_each_stored_degradation_and_dev_on_none(extract, corpus):
    store, _ = extract(corpus, AUGMENT, speeds=[])
    inputs = StoredStates(store, 1, NO_MASKS)
    torch.manual_seed(1)
    train, dev = corpus.of("train")[0], corpus.of("dev")[0]
    trained_on = {inputs.augmented(train).numpy().tobytes() for _ in range(40)}
    ids = [train.id, *(take.id for take in degraded_takes(train, AUGMENT))]
    assert trained_on == {store.states(i, 1).astype("float32").tobytes() for i in ids}
    assert len(trained_on) == 3
    assert torch.allclose(inputs.augmented(dev), inputs(dev), atol=1e-5)


def test_from_audio_an_epoch_trains_on_each_degradation_too(corpus):
    inputs = AudioFeatures(corpus, model(), NO_MASKS, SPEEDS, AUGMENT)
    torch.manual_seed(1)
    clip = corpus.of("train")[0]
    trained_on = {inputs.augmented(clip).numpy().tobytes() for _ in range(60)}
    assert len(trained_on) == 1 + len(SPEEDS) + len(AUGMENT)
    plain = AudioFeatures(corpus, inputs.model, NO_MASKS, SPEEDS)
    assert inputs.frames(clip) == plain.frames(clip)


def test_the_key_of_a_degraded_take_follows_its_samples_and_no_other_changes(extract, corpus):
    extract(corpus, AUGMENT)
    own = [take.id for take in map(Take, corpus.utterances)]
    renamed = type(corpus).__new__(type(corpus))
    renamed.__dict__.update(corpus.__dict__)
    clips = corpus.utterances
    renamed.utterances = [type(u)(**vars(u) | {"id": f"new/{u.id}"}) for u in clips]
    fresh = extract(renamed, AUGMENT)[1]
    assert not {i.removeprefix("new/") for i in fresh} & set(own)
    assert {i[-2:] for i in fresh} == {"+0"}  # the noise is drawn by the id, the line is not


def test_a_store_lists_its_degradations_and_none_where_there_are_none(tmp_path):
    tiny = {"name": "random", "config": upstreams.plugin("random").TINY}
    upstreams._write_identity(tmp_path, tiny)
    write_corpus(tmp_path / "corpus")
    knobs = read_params()["extract_embeddings"] | {"precision": "float32"}
    chosen = [ExtractEmbeddings(**knobs | change) for change in ({}, {"augment": AUGMENT})]
    kept_facts = [facts_of(Extractor(tmp_path, tmp_path / "corpus", knob)) for knob in chosen]
    assert "augment" not in kept_facts[0]
    assert [Degradation(**entry) for entry in kept_facts[1].pop("augment")] == AUGMENT
    assert kept_facts[0] == kept_facts[1]
