"""Sounds without speech: what is made, and that training hears it and learns to write nothing."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import soundfile
from invented import model, store_corpus, write_corpus
from prepared import Project, noise
from test_training import NO_MASKS, fit, head_trainer

from voicegraft.embedding.store import Store
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.preparing.background import MADE, SECONDS, background, pause
from voicegraft.speech.audio import level_dbfs
from voicegraft.speech.manifest import (
    BACKGROUND,
    SAMPLE_RATE,
    Corpus,
    Utterance,
    write_manifest,
)
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.fit import DEALS, with_background


def waves():
    return [partial(np.ravel, noise(1.0, seed=seed)) for seed in range(3)]


@pytest.mark.parametrize("kind", MADE)
def test_a_sound_of_each_kind_lasts_as_asked_and_is_heard(kind):
    for seed in range(20):
        wave = kind(12_345, np.random.default_rng(seed))
        assert wave.shape == (12_345,)
        assert np.isfinite(wave).all()
        assert wave.any()


def test_so_many_seconds_are_made_soft_and_loud_and_none_if_none_are_asked_for():
    clips = list(background(60.0, waves()))
    seconds = [len(clip) / SAMPLE_RATE for clip in clips]
    assert sum(seconds[:-1]) < 60 <= sum(seconds)
    assert all(SECONDS[0] <= own <= SECONDS[1] for own in seconds)
    levels = [level_dbfs(clip / 32_768) for clip in clips]
    assert min(levels) < -50
    assert max(levels) > -25
    assert list(background(0.0, [])) == []


def test_the_same_sounds_are_made_each_time_and_no_two_alike():
    first, again = (list(background(30.0, waves())) for _ in range(2))
    assert all(map(np.array_equal, first, again))
    assert len({clip.tobytes() for clip in first}) == len(first)


def test_a_pause_repeats_the_quietest_moment_of_a_clip():
    wave = np.sin(np.arange(32_000.0))
    wave[10_000:15_000] *= 0.01
    found = pause(9_000, wave)
    assert found.shape == (9_000,)
    assert np.abs(found).max() <= 0.01
    assert np.array_equal(found[:4_000], found[4_000:8_000][::-1])


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_background_is_a_side_of_its_own_without_text_and_changes_no_other(project):
    before = project.good().run()
    project.params["prepare_data"]["background_share"] = 2.0
    corpus = project.run()
    made = corpus.of(BACKGROUND)
    spoken = [u for u in corpus.utterances if u.split != BACKGROUND]
    assert spoken == before.utterances
    assert all(np.array_equal(before.wave(u), corpus.wave(u)) for u in spoken)
    assert {(u.text, u.speaker, u.session) for u in made} == {("", "", "")}
    train = sum(u.seconds for u in corpus.of("train"))
    assert 2 * train <= sum(u.seconds for u in made) <= 2 * train + SECONDS[1]
    assert project.report["splits"][BACKGROUND]["clips"] == len(made)
    assert len({corpus.wave(u).tobytes() for u in made}) == len(made)


def test_the_users_own_recordings_without_speech_need_no_table_and_are_no_class(project, capsys):
    (project.own / BACKGROUND).mkdir()
    soundfile.write(project.own / BACKGROUND / "fan.wav", noise(seed=900), SAMPLE_RATE)
    for kind in (project.good(), project.classes("yes", "no")):
        corpus = kind.run()
        assert [u.id for u in corpus.of(BACKGROUND)] == ["background/fan.wav"]
        assert {(u.text, u.label) for u in corpus.of(BACKGROUND)} == {("", "")}
    assert "label ''" not in capsys.readouterr().err


def test_each_epoch_hears_all_of_train_and_a_part_of_the_background_in_turns():
    train, others = list("abc"), list("123456789")
    epochs = [with_background(train, others, epoch) for epoch in range(2 * DEALS)]
    assert all(epoch[:3] == train for epoch in epochs)
    assert sorted(clip for epoch in epochs[:DEALS] for clip in epoch[3:]) == others
    assert epochs[:DEALS] == epochs[DEALS:]


def noisy_corpus(folder) -> Corpus:
    """The language of tones, with clips of noise as background."""
    corpus, rng = write_corpus(folder / "tones"), np.random.default_rng(1)
    (folder / "noisy").mkdir()
    rows = []
    with PackedWriter(folder / "noisy/audio.npy", np.int16) as audio:
        for clip in corpus.utterances:
            rows.append(replace(clip, first_sample=audio.append(corpus.samples(clip))))
        for number in range(16):
            wave = rng.normal(0, 3_000, 8_000).astype(np.int16)
            place = audio.append(wave), len(wave)
            rows.append(Utterance(f"noise{number}", BACKGROUND, "", "", *place, ""))
    write_manifest(folder / "noisy/manifest.csv", rows)
    return Corpus(folder / "noisy")


def test_a_head_that_hears_background_writes_nothing_of_it(tmp_path):
    corpus = noisy_corpus(tmp_path)
    store_corpus(tmp_path / "store", corpus, model())
    store, written = Store(tmp_path / "store"), {}
    noises = corpus.of(BACKGROUND)
    for heard in (True, False):
        if not heard:
            corpus.utterances = [u for u in corpus.utterances if u.split != BACKGROUND]
        knobs = fit(epochs=60, lr=0.05, batch_seconds=3.0, masking=NO_MASKS)
        trainer = head_trainer(store, knobs)
        paths = tmp_path / f"model{heard}", tmp_path / f"curves{heard}"
        trainer.train(corpus, Checkpoint(tmp_path / f"run{heard}"), *paths)
        written[heard] = trainer.predict(noises)
    assert not any(written[True])
    assert all(written[False])
