from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from labelled import QUICK
from scipy.stats import bootstrap
from scored import grouped
from sklearn.metrics import accuracy_score, f1_score

from voicegraft.embedding.choice import View
from voicegraft.studies import leave_speakers_out as new_voices
from voicegraft.studies.features import Clips
from voicegraft.studies.leave_speakers_out import (
    SelfTraining,
    as_taught,
    leave_speakers_out,
    self_trained,
)

CLASSES, SPEAKERS = ("a", "b", "c"), ("ann", "bob", "eve")
SIZE, EACH = 6, 20
TWICE = SelfTraining(rounds=2, sure_share=0.5)


def clips(shift=0.0, turn=0.0):
    """Clips of three classes; each voice shifts them its own way, and turns them a little."""
    rng, centres = np.random.default_rng(1), np.random.default_rng(2).normal(0, 2, (3, SIZE))
    found = []
    for number, who in enumerate(SPEAKERS):
        own = np.random.default_rng(number).normal(0, 1, (1 + SIZE, SIZE))
        for label, centre in zip(CLASSES, centres, strict=True):
            own_centre = centre @ (np.eye(SIZE) + turn * own[1:]) + shift * own[0]
            found += [(own_centre + rng.normal(0, 0.4, SIZE), label, who) for _ in range(EACH)]
    features, labels, speakers = zip(*found, strict=True)
    return Clips(np.stack(features), labels, grouped(map(str, range(len(labels)))), speakers)


def rates(of, adaptation, speaker=""):
    lines = leave_speakers_out(of, TWICE, QUICK)
    return next(x for x in lines if (x["adaptation"], x["speaker"]) == (adaptation, speaker))


def test_voices_that_are_alike_need_no_adaptation():
    assert rates(clips(), "none")["accuracy"] == 1


def test_a_shifted_speaker_is_classified_once_normalised_by_speaker():
    shifted = clips(shift=30)
    assert rates(shifted, "none")["accuracy"] < 0.8
    assert rates(shifted, "normalised")["accuracy"] == 1


def test_the_mean_is_that_of_the_rates_of_each_voice():
    of = clips(shift=1, turn=0.5)
    predictions = new_voices._left_out(of, SPEAKERS, as_taught, "")
    own = [np.array(of.speakers) == who for who in SPEAKERS]
    labels = np.array(of.labels)
    expected = {
        "accuracy": np.mean([accuracy_score(labels[i], predictions[i]) for i in own]),
        "macro_f1": np.mean([f1_score(labels[i], predictions[i], average="macro") for i in own]),
    }
    line = rates(of, "none")
    assert expected["accuracy"] < 1
    for name, value in expected.items():
        assert line[name] == pytest.approx(value, abs=1e-4)
        assert line[f"{name}_low"] <= line[name] <= line[f"{name}_high"]
    assert line["clips"] == len(labels)


def test_no_label_of_the_new_voice_is_seen_and_none_chooses_the_view():
    of = clips(shift=1, turn=0.5)
    rng = np.random.default_rng(6)
    both = np.hstack([rng.normal(0, 1, of.features.shape), of.features])
    views = [View(k, "mean", np.arange(SIZE) + k * SIZE) for k in (0, 1)]
    of = replace(of, features=both, views=views)
    eve = np.array(of.speakers) == "eve"
    # With these labels of eve's, her clips would choose the other view if they were asked.
    other = np.array(["abc"[k] for k in both[:, :3].argmax(1)])
    labels = [of.labels, np.where(eve, other, of.labels)]
    for way in (as_taught, partial(self_trained, knobs=TWICE)):
        ways = [new_voices._left_out(replace(of, labels=ls), ["eve"], way, "") for ls in labels]
        assert list(ways[0][eve]) == list(ways[1][eve])
        assert (ways[0][eve] == np.asarray(of.labels)[eve]).mean() > 0.5


def test_one_voice_alone_cannot_be_left_out():
    alone = Clips(np.zeros((2, 3)), ["a", "b"], grouped("12"), ["ann", "ann"])
    with pytest.raises(ValueError, match="needs two speakers; known: ann"):
        list(leave_speakers_out(alone, TWICE, QUICK))


def test_the_interval_of_the_mean_is_over_voices_where_there_are_enough_of_them():
    """As of the rates of forty voices, drawn with replacement: by scipy, and by nothing of ours."""
    rng = np.random.default_rng(5)
    speakers = [f"voice{number // 10}" for number in range(400)]
    labels = [CLASSES[number % 3] for number in range(400)]
    wrong = rng.random(400) < np.repeat(rng.uniform(0, 0.5, 40), 10)
    predictions = np.array([CLASSES[(i + bad) % 3] for i, bad in enumerate(wrong)])
    of = Clips(np.zeros((400, 1)), labels, grouped(speakers), speakers)
    found = new_voices._scored(of, predictions, [f"voice{i}" for i in range(40)], QUICK)
    rates = [(predictions == labels)[10 * i : 10 * i + 10].mean() for i in range(40)]
    expected = bootstrap([rates], np.mean, method="percentile", rng=1).confidence_interval
    assert found["accuracy_low"] == pytest.approx(expected.low, abs=0.01)
    assert found["accuracy_high"] == pytest.approx(expected.high, abs=0.01)
