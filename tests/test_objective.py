"""What heads learn: texts and classes."""

import math
from dataclasses import replace

import jiwer
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from voicegraft.model.batches import Padded
from voicegraft.model.objective import Classification, Transcription
from voicegraft.speech.manifest import BACKGROUND, Utterance

CLASSES = ("no", "yes")


def clip(label="", text=""):
    return Utterance("x", "train", "", "", 0, 16_000, text, label)


def emitted(*rows):
    """Log-probabilities of one frame for each clip."""
    values = torch.tensor(rows).log()[:, None]
    return Padded(values, torch.ones(len(rows), dtype=torch.long))


def test_the_loss_of_classes_is_the_mean_negative_log_probability_of_the_right_ones():
    emissions = emitted([0.8, 0.2], [0.4, 0.6])
    loss = Classification(CLASSES).loss(emissions, [clip("no"), clip("no")])
    assert loss.item() == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)


def test_the_likeliest_class_is_predicted():
    assert Classification(CLASSES).decode(torch.tensor([[-3.0, -0.1]])) == "yes"


def test_rates_of_classes_are_scikit_learns():
    wanted, predictions = ["no", "yes", "yes", "no", "yes"], ["no", "no", "yes", "no", "no"]
    rates = Classification(CLASSES).rates([clip(label) for label in wanted], predictions)
    assert rates["error"] == pytest.approx(1 - accuracy_score(wanted, predictions))
    assert rates["macro_f1"] == pytest.approx(f1_score(wanted, predictions, average="macro"))


def test_what_training_lowers_comes_first():
    assert next(iter(Classification(CLASSES).rates([clip("no")], ["no"]))) == "error"
    assert next(iter(Transcription(["", "a"]).rates([clip(text="a")], ["a"]))) == "cer"


def test_a_class_that_train_has_not_cannot_be_learnt():
    assert Classification(CLASSES).learnable(clip("yes"), 1)
    assert not Classification(CLASSES).learnable(clip("maybe"), 1)


def test_a_text_needs_frames_to_spell_it_and_one_more_between_equal_letters():
    spelling = Transcription(["", "a", "b"])
    assert spelling.learnable(clip(text="ab"), 2)
    assert not spelling.learnable(clip(text="aa"), 2)
    assert not spelling.learnable(clip(text=""), 9)
    assert not spelling.learnable(clip(text="z"), 9)


def test_background_can_be_learnt_from_without_a_text():
    spelling = Transcription(["", "a", "b"])
    assert spelling.learnable(replace(clip(), split=BACKGROUND), 1)
    assert not spelling.learnable(replace(clip(text="a"), split=BACKGROUND), 9)


def test_rates_of_texts_are_jiwers():
    wanted, predictions = ["ahoj ty", "ne"], ["ahoj", "no"]
    rates = Transcription(["", "a"]).rates([clip(text=text) for text in wanted], predictions)
    assert rates == {"cer": jiwer.cer(wanted, predictions), "wer": jiwer.wer(wanted, predictions)}
