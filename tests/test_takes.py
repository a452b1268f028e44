from dataclasses import replace

import numpy as np
import pytest
import torch
from invented import SPEEDS, model

from voicegraft.embedding.takes import Take, takes
from voicegraft.speech.manifest import BACKGROUND, SAMPLE_RATE
from voicegraft.training.fit import Masking
from voicegraft.training.inputs import AudioFeatures, StoredStates

NO_MASKS = Masking(time_masks_per_second=0.0, time_mask_frames=0, size_masks=0, size_mask_share=0.0)


def strongest_hertz(wave: np.ndarray) -> float:
    return float(np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)[np.abs(np.fft.rfft(wave)).argmax()])


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_faster_take_is_shorter_and_higher_by_the_same_factor(corpus, speed) -> None:
    clip = corpus.utterances[0]
    wave = Take(clip, speed).wave(corpus).numpy()
    assert len(wave) == Take(clip, speed).samples == int(clip.samples / speed)
    assert strongest_hertz(wave) == pytest.approx(
        speed * strongest_hertz(corpus.wave(clip)), rel=0.02
    )


def test_training_clips_alone_are_taken_at_other_speeds(corpus) -> None:
    made = takes(corpus.utterances, SPEEDS, 10**9)
    assert {t.utterance.split for t in made if t.speed != 1} == {"train"}
    assert [t.id for t in made if t.speed == 1] == [u.id for u in corpus.utterances]
    assert len(made) == len(corpus.utterances) + len(SPEEDS) * len(corpus.of("train"))
    assert len({t.id for t in made}) == len(made)


def test_unlabelled_clips_are_taken_at_other_speeds_as_what_is_trained_on(corpus) -> None:
    clip = replace(corpus.of("test")[0], split="unlabelled")
    assert [take.speed for take in takes([clip], [0.9], 10**9)] == [1.0, 0.9]


def test_background_is_taken_as_it_is_alone(corpus) -> None:
    clip = replace(corpus.of("train")[0], split=BACKGROUND, text="")
    assert [take.speed for take in takes([clip], [0.9], 10**9)] == [1.0]


def test_a_take_that_no_longer_fits_the_window_is_left_out(corpus) -> None:
    longest = max(u.samples for u in corpus.of("train"))
    made = takes(corpus.utterances, [0.9], longest)
    assert all(t.samples <= longest for t in made if t.speed != 1)
    assert any(t.speed != 1 for t in made)


def test_an_epoch_trains_on_each_stored_speed_and_dev_is_scored_at_its_own(corpus, store) -> None:
    inputs = StoredStates(store, 1, NO_MASKS)
    torch.manual_seed(1)
    train, dev = corpus.of("train")[0], corpus.of("dev")[0]
    lengths = {len(inputs.augmented(train)) for _ in range(40)}
    assert lengths == {store.frames[Take(train, s).id] for s in [1.0, *SPEEDS]}
    assert inputs.frames(train) == min(lengths)
    assert torch.allclose(inputs.augmented(dev), inputs(dev), atol=1e-5)


def test_from_audio_an_epoch_trains_on_each_speed_too_and_counts_on_the_shortest(corpus) -> None:
    inputs = AudioFeatures(corpus, grafted := model(), NO_MASKS, SPEEDS)
    torch.manual_seed(1)
    clip = corpus.of("train")[0]
    steps = {len(inputs.augmented(clip)) for _ in range(40)}
    assert len(steps) == 1 + len(SPEEDS)
    assert inputs(clip).shape[0] in steps
    per_frame = grafted.upstream.frame_samples // 160
    assert inputs.frames(clip) == min(steps) // per_frame
