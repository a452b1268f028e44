"""What is read when: batches of a small corpus as ever, windows and rows of a large one."""

from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest
import torch
from test_training import NO_MASKS, fit

from voicegraft.model.batches import batches_by_length
from voicegraft.pipeline.files import DamagedError
from voicegraft.speech import rows as rows_module
from voicegraft.speech.manifest import SAMPLE_RATE, Utterance, write_manifest
from voicegraft.speech.rows import LargeCorpus, Rows, open_corpus, read_rows
from voicegraft.training import inputs, sampling
from voicegraft.training.fit import steps_of_epoch, with_background
from voicegraft.training.inputs import read_ahead
from voicegraft.training.sampling import near_in_length, windows

FIT = fit(epochs=2, patience=9, batch_seconds=30.0, masking=NO_MASKS)


def made_up(count, split="train"):
    lengths = np.random.default_rng(1).integers(8_000, 160_000, count).tolist()
    ends = np.cumsum(lengths).tolist()
    return [
        Utterance(f"{n:05}", split, "", "", end - length, length, f'čau, "{n}"\nvíc')
        for n, (length, end) in enumerate(zip(lengths, ends, strict=True))
    ]


def batches(utterances, epoch):
    return list(chain.from_iterable(steps_of_epoch(utterances, FIT, epoch)))


def file_of(tmp_path, utterances):
    write_manifest(tmp_path / "manifest.csv", utterances)
    return tmp_path / "manifest.csv"


@pytest.mark.parametrize("budget", [1, 50, 400, 10**9])
def test_batches_are_those_of_clips_taken_one_by_one(budget):
    lengths = np.random.default_rng(2).integers(0, 90, 700)
    batches = [batch.tolist() for batch in near_in_length(lengths, budget)]
    assert batches == batches_by_length(lengths.tolist(), budget)
    assert near_in_length(lengths[:0], budget) == []


def test_a_corpus_of_one_window_is_shuffled_as_a_whole_and_nothing_is_drawn_for_it():
    generator, untouched = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    samples = np.full(1000, 50 * 3600 * SAMPLE_RATE // 1000)
    assert windows(samples, generator) is None
    assert torch.equal(generator.get_state(), untouched.get_state())
    assert windows(samples + 1, generator) is not None


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(sampling, "WINDOW_SECONDS", 600)
    monkeypatch.setattr(sampling, "RUN_SECONDS", 60)


@pytest.mark.usefixtures("small_windows")
def test_windows_hold_runs_of_neighbours_and_every_clip_once():
    utterances = made_up(2000)
    samples = np.array([u.samples for u in utterances])
    found = windows(samples, torch.Generator().manual_seed(1))
    assert sorted(np.concatenate(found).tolist()) == list(range(2000))
    for window in found:
        assert samples[window].sum() <= 1.3 * 600 * SAMPLE_RATE
        assert sum(b != a + 1 for a, b in pairwise(window.tolist())) <= 12


@pytest.mark.usefixtures("small_windows")
def test_an_epoch_of_windows_has_every_clip_once_and_reads_one_window_at_a_time():
    utterances = made_up(2000)
    epochs = [batches(utterances, epoch) for epoch in (0, 0, 1)]
    assert epochs[0] == epochs[1] != epochs[2]
    for epoch in epochs:
        order = [utterance for batch in epoch for utterance in batch]
        assert sorted(order, key=lambda u: u.id) == utterances
    drawn = windows(
        np.array([u.samples for u in utterances]),
        torch.Generator().manual_seed(FIT.epoch_seed(0)),
    )
    order = [int(u.id) for batch in epochs[0] for u in batch]
    assert set(order[: len(drawn[0])]) == set(drawn[0].tolist())


def test_rows_of_a_file_are_the_utterances_that_were_written(tmp_path):
    utterances = [replace(u, split=("train", "dev", "test")[int(u.id) % 3]) for u in made_up(60)]
    rows = read_rows(file_of(tmp_path, utterances))
    assert list(rows) == utterances
    assert rows[7] == utterances[7] and rows[-1] == utterances[-1]
    assert list(rows[3:40:5]) == utterances[3:40:5]
    assert list(rows.of("dev", "test")) == [u for u in utterances if u.split != "train"]
    assert rows.of("dev").samples.tolist() == [u.samples for u in utterances if u.split == "dev"]


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("large", [False, True])
def test_rows_make_the_batches_that_utterances_make(tmp_path, large):
    utterances = made_up(300 if large else 40)
    rows = read_rows(file_of(tmp_path, utterances))
    expected = batches(with_background(utterances, utterances[:9], 1), 1)
    found = batches(with_background(rows, rows[:9], 1), 1)
    assert isinstance(found[0], Rows)
    assert [list(batch) for batch in found] == expected


@pytest.mark.parametrize("damage", [b"x,y\n", b"x", b"00,train,,,0,1,a,b,c\n", b"1,no,,,0,1,a\n"])
def test_damaged_rows_are_refused(tmp_path, damage):
    path = file_of(tmp_path, made_up(5))
    path.write_bytes(path.read_bytes() + damage)
    with pytest.raises(DamagedError, match=r"manifest\.csv"):
        read_rows(path)


def test_a_large_corpus_is_read_by_rows_and_is_the_same(corpus, monkeypatch):
    folder = corpus._audio.filename.parent
    assert type(open_corpus(folder)) is type(corpus)
    monkeypatch.setattr(rows_module, "LARGE_MANIFEST_BYTES", 10)
    large = open_corpus(folder)
    assert isinstance(large, LargeCorpus)
    assert list(large.of("train")) == corpus.of("train")
    clip = corpus.of("dev")[1]
    assert np.array_equal(large.samples(large.of("dev")[1]), corpus.samples(clip))


def test_many_batches_are_read_ahead_once_each_before_they_are_wanted(monkeypatch):
    class Told:
        told = []  # noqa: RUF012

        def ahead(self, utterance):
            self.told.append(utterance)

    batches = [[2 * n, 2 * n + 1] for n in range(10)]
    assert list(read_ahead(batches, Told())) == batches
    assert Told.told == []
    monkeypatch.setattr(inputs, "FEW", 5)
    for number, batch in enumerate(read_ahead(batches, Told())):
        assert batch == batches[number]
        assert Told.told == list(range(min(2 * number + 2 * inputs.AHEAD, 20)))
