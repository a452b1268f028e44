"""Pseudo-labels of clips without labels, their confidence, and which of them are trained on."""

import itertools
import math
from dataclasses import replace

import pytest
import torch

from voicegraft.model import ctc
from voicegraft.model.objective import Classification, Transcription
from voicegraft.speech.manifest import Utterance
from voicegraft.studies.self_training import PseudoLabel, confidence, surest

LETTERS = ["", "a", "b"]
CLIP = Utterance("x", "train", "", "", 0, 16_000, "")


def label(name: str, sure: float, of: str = "") -> PseudoLabel:
    return PseudoLabel(replace(CLIP, id=name, label=of), of or "a", sure)


def names(clips: list[Utterance]) -> str:
    return "".join(clip.id for clip in clips)


def by_every_path(emission: torch.Tensor, text: str) -> float:
    """Return the likelihood of `text`, summed over each path that spells it."""
    total = 0.0
    for path in itertools.product(range(len(LETTERS)), repeat=len(emission)):
        letters = "".join(LETTERS[i] for i, _ in itertools.groupby(path))
        if letters == text:
            total += math.exp(sum(float(emission[t, i]) for t, i in enumerate(path)))
    return total


def test_a_text_is_as_sure_as_the_likelihood_of_all_paths_that_spell_it_by_letter():
    emission = torch.randn(5, 3, generator=torch.manual_seed(1)).log_softmax(-1)
    for text in ("ab", "a", "aa", "bab"):
        found = confidence(Transcription(LETTERS), emission, replace(CLIP, text=text))
        assert found == pytest.approx(by_every_path(emission, text) ** (1 / len(text)), rel=1e-5)


def test_a_class_is_as_sure_as_its_probability():
    emission = torch.tensor([[0.3, 0.7]]).log()
    found = confidence(Classification(["no", "yes"]), emission, replace(CLIP, label="yes"))
    assert found == pytest.approx(0.7)


def test_where_nothing_was_predicted_nothing_is_confident_and_nothing_is_learnt():
    emission = torch.full((4, 3), -9.0)
    emission[:, ctc.BLANK] = 0.0
    assert confidence(Transcription(LETTERS), emission, CLIP) == 0.0
    assert surest([label("a", 0.0), label("b", 0.1)], 1.0) == [label("b", 0.1).clip]


def test_the_surest_are_kept_in_their_order():
    labels = [label("a", 0.2), label("b", 0.9), label("c", 0.5), label("d", 0.7)]
    assert names(surest(labels, 0.5)) == "bd"
    assert names(surest(labels, 1.0)) == "abcd"


def test_a_class_that_is_hard_to_tell_keeps_as_large_a_share_as_one_that_is_easy():
    easy = [label(name, 0.99, "yes") for name in "abcd"]
    hard = [label("e", 0.3, "no"), label("f", 0.4, "no")]
    assert names(surest([*easy, *hard], 0.5)) == "abf"
