"""A text in a long recording: the likeliest path, with speech that is not in it, and without."""

from itertools import product

import numpy as np
import pytest

from voicegraft.inference import alignment
from voicegraft.inference.alignment import STAR, Chain, align, star_scores
from voicegraft.inference.long_texts import (
    AFTER_SECONDS,
    BEFORE_SECONDS,
    Emissions,
    placed,
    sentences_of,
)
from voicegraft.model.ctc import BLANK
from voicegraft.preparing.text import TextSection

LABELS = ["", " ", *"abcdefghij"]
SPACE = 1
SECTION = TextSection(case="lower", punctuation="remove", apostrophes="keep", also_keep="")
SENTENCES = ["abcab jid", "ddea fgh", "hij cabb", "feed adgi", "bag hid", "jigga cba"]


def symbols(text):
    return np.array([LABELS.index(letter) for letter in text])


def heard_as(text, seed=1, errors=0.0):
    """Return emissions that spell `text`, `.` a frame of blank; and the frame of each letter."""
    rng = np.random.default_rng(seed)
    spelt = [part for letter in text for part in (letter.replace(".", ""), "")]
    scores = rng.normal(0, 1, (len(spelt), len(LABELS)))
    for frame, letter in enumerate(spelt):
        said = rng.integers(2, len(LABELS)) if letter and rng.random() < errors else None
        scores[frame, LABELS.index(letter) if said is None else said] += 9
    return (scores - np.logaddexp.reduce(scores, 1, keepdims=True)).astype(np.float32)


def found_in(spoken, sentences, **knobs):
    return align(heard_as(spoken, **knobs), [symbols(s) for s in sentences], SPACE)


def test_each_sentence_is_found_where_it_is_spelt():
    found = found_in("." + "...".join(SENTENCES), SENTENCES)
    at = 2
    for sentence, place in zip(SENTENCES, found, strict=True):
        assert (place.first, place.last) == (at, at + 2 * len(sentence) - 2)
        assert place.cer == 0 and place.gap < 1e-6
        at += 2 * (len(sentence) + 3)


def test_speech_that_the_text_lacks_is_nobodys_and_a_sentence_that_is_not_spoken_is_skipped():
    spoken = ["gegege bad", *SENTENCES[:2], "ihihih cade", *SENTENCES[3:], "jajaj bebe"]
    found = found_in("...".join(spoken), SENTENCES, errors=0.15)
    assert found[2] is None
    for sentence, place in zip(SENTENCES, found, strict=True):
        if place:
            at = 2 * "...".join(spoken).index(sentence)
            assert abs(place.first - at) <= 2
            assert abs(place.last - (at + 2 * len(sentence) - 2)) <= 2


def test_a_sentence_without_a_known_letter_is_skipped():
    assert found_in("abc...dea", ["abc", "", "dea"])[1] is None
    assert found_in("..", ["abc"]) == [None]


def is_step(labels, one, other):
    """Return whether a path may go from one state to another in one frame, as CTC is defined."""
    between = labels[one + 1 : other]
    if all(label != STAR for label in labels[one + 1 : other + 1]) and other - one == 2:
        own = labels[one], labels[other]
        return BLANK not in own and STAR not in own and own[0] != own[1]
    landed = labels[one] == STAR and STAR in between
    return 0 <= other - one <= 1 or (
        landed and (labels[other] == STAR or labels[other - 1] == STAR)
    )


@pytest.mark.parametrize("seed", range(20))
def test_no_path_is_likelier_than_the_one_that_is_taken(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (5, 4))
    emission = scores - np.logaddexp.reduce(scores, 1, keepdims=True)
    chain = Chain([np.array([2, 2]), np.array([3])])
    labels, star = chain.labels, star_scores(emission, 1)

    def score(path):
        return sum(
            star[t] if labels[s] == STAR else emission[t, labels[s]] for t, s in enumerate(path)
        )

    ends = [s for s in range(len(labels)) if labels[s] == STAR]
    best = max(
        score(path)
        for path in product(range(len(labels)), repeat=5)
        if path[0] == 0
        and path[-1] in ends
        and all(is_step(labels.tolist(), a, b) for a, b in zip(path, path[1:], strict=False))
    )
    taken = alignment._block(emission, star, labels)
    assert taken[0] == 0 and score(taken) == pytest.approx(best)


def test_anchors_change_nothing_but_the_size_of_the_table(monkeypatch):
    text = SENTENCES * 4
    spoken = "...".join(text[:7] + ["gegege bad"] + text[8:])
    whole = found_in(spoken, text, errors=0.1)
    monkeypatch.setattr(alignment, "BLOCK_FRAMES", 40)
    monkeypatch.setattr(alignment, "SOLID_RUN", 5)
    sizes = []
    block = alignment._block
    monkeypatch.setattr(alignment, "_block", lambda *a: sizes.append(len(a[0])) or block(*a))
    assert found_in(spoken, text, errors=0.1) == whole
    assert len(sizes) > 5 and max(sizes) < 200


def test_an_anchor_that_no_path_can_pass_is_left_out(monkeypatch):
    whole = found_in("...".join(SENTENCES), SENTENCES)
    monkeypatch.setattr(alignment, "_anchors", lambda *_: [(30, 3)])
    assert found_in("...".join(SENTENCES), SENTENCES) == whole


def test_a_table_that_would_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr(alignment, "MOST_CELLS", 1000)
    with pytest.raises(ValueError, match="is it the text of this recording"):
        found_in("...".join(SENTENCES), SENTENCES)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Ano. Ne!  Proč?\nTak\nproto…", ["Ano.", "Ne!", "Proč?", "Tak proto…"]),
        ("Title\n\nOne two", ["Title", "One two"]),
        ("„Pojď.“ Šel. 3.5 m", ["„Pojď.“", "Šel.", "3.5 m"]),
        ("وہ آیا۔ کیوں؟ ہاں", ["وہ آیا۔", "کیوں؟", "ہاں"]),
        (" \n\n ", []),
    ],
)
def test_a_text_is_cut_at_full_stops_and_empty_lines(text, sentences):
    assert sentences_of(text) == sentences


def test_bounds_lie_in_the_pauses_and_do_not_overlap():
    spoken = "." * 40 + "abcab jid..ddea fgh" + "." * 40
    emission = heard_as(spoken)
    seconds = (np.arange(len(emission)) + 0.5) * 0.02
    emissions = Emissions(emission, seconds, len(emission) * 0.02, "")
    one, other = placed(emissions, "Abcab jid. Ddea fgh.", LABELS, SECTION, 0.7)
    first, last = 80 * 0.02, (80 + 2 * 8) * 0.02
    assert one.start == pytest.approx(first + 0.01 - BEFORE_SECONDS)
    assert last < one.end <= other.start < (80 + 2 * 11) * 0.02
    assert other.end == pytest.approx((80 + 2 * 18) * 0.02 + 0.01 + AFTER_SECONDS)


def test_a_sentence_that_is_heard_too_differently_is_left_out_with_its_errors():
    emission = heard_as(".abcab jid...ddea fgh...hij cabb")
    emissions = Emissions(emission, np.arange(len(emission)) * 0.02, len(emission) * 0.02, "")
    text = "Abcab jid. Ddeb fgh. Hij."
    found = placed(emissions, text, LABELS, SECTION, 0.1)
    assert [s.problem for s in found] == ["", "too many errors", ""]
    assert [s.cer for s in found] == [0, 1 / 8, 0]
    assert [s.problem for s in placed(emissions, text, LABELS, SECTION, 0.2)] == ["", "", ""]


def test_a_sentence_without_a_letter_that_the_model_knows_is_left_out_for_that():
    emissions = Emissions(heard_as(".abcab jid."), np.arange(22) * 0.02, 0.44, "")
    found = placed(emissions, "Abcab jid. 12! Hij.", LABELS, SECTION, 0.7)
    problems = ["", "no letter that the model knows", "not spoken"]
    assert [sentence.problem for sentence in found] == problems
