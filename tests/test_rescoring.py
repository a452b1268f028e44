"""Weights of emissions and language models, chosen on dev."""

import numpy as np
import pytest
import torch
from rapidfuzz.distance import Levenshtein
from spelling_emissions import LABELS, emission, language_of, write_language

from voicegraft.language import rescoring
from voicegraft.language.arpa import is_installed
from voicegraft.language.decoder import BeamDecoder
from voicegraft.language.folder import BOUNDARY
from voicegraft.language.rescoring import FEATURES, PRICES, START, Candidates, choose_weights
from voicegraft.language.settings import Settings

LANGUAGE = language_of()
LN10 = np.log(10)
needs_kenlm = pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")


@pytest.fixture
def features(tmp_path):
    folder = write_language(tmp_path / "language")

    def of(text, labels=LABELS):
        rescorer = BeamDecoder(labels, folder, Settings(decode="beam")).rescorer
        return rescorer.features(emission(text, labels=labels), [text])[0]

    return of


@needs_kenlm
def test_each_score_is_that_of_its_model(features):
    by_emissions, by_words, by_spelling, by_symbols, *counts = features("abba cede")
    log_loss = torch.nn.functional.ctc_loss(
        emission("abba cede")[:, None],
        torch.tensor([[LABELS.index(c) for c in "abba cede"]]),
        torch.tensor([18]),
        torch.tensor([9]),
        reduction="sum",
    )
    assert by_emissions == pytest.approx(-float(log_loss), rel=1e-5)
    assert by_words == pytest.approx(sum(LANGUAGE.words.score(["abba", "cede"])) * LN10)
    assert by_symbols == pytest.approx(
        sum(LANGUAGE.symbols.score(list(f"abba{BOUNDARY}cede"))) * LN10
    )
    assert (by_spelling, *counts) == (0, 2, 9)


@needs_kenlm
def test_only_words_that_the_model_lacks_are_spelled(features):
    spelled = sum(LANGUAGE.spelling.score("deřa")) * LN10
    assert features("abba deřa")[2] == pytest.approx(spelled)
    assert features("deřa deřa")[2] == pytest.approx(2 * spelled)


@needs_kenlm
def test_a_language_without_spaces_has_no_scores_of_words(features):
    assert features("abbacede", ["", *"abcdeř"])[[1, 2, 4]].tolist() == [0, 0, 0]


def candidates(*texts_and_scores):
    texts, scores = zip(*texts_and_scores, strict=True)
    return Candidates(texts, np.array(scores, float))


def test_weights_follow_the_model_that_is_right_on_dev():
    # The emissions prefer the greedy text; the model of words knows better.
    dev = [candidates(("aa", (-1, -9, 0, 0, 1, 0)), ("ab", (-3, -1, 0, 0, 1, 0)))] * 5
    weights = choose_weights(dev, ["ab"] * 5)
    assert weights[0] == 1 and weights[1] > 0.25
    assert dev[0].text(weights) == "ab"


def test_an_attention_decoder_has_a_weight_of_its_own_where_it_is_right_on_dev():
    dev = [candidates(("aa", (-1, 0, 0, 0, 1, 0, -9)), ("ab", (-3, 0, 0, 0, 1, 0, -1)))] * 5
    weights = choose_weights(dev, ["ab"] * 5)
    assert len(weights) == 7 and weights[6] > 0.25
    assert dev[0].text(weights) == "ab"


def test_an_attention_decoder_that_invents_never_raises_cer_on_dev():
    one = candidates(("aaaa", (-1, 0, 0, 0, 1, 0, -90)), ("b c d e", (-3, 0, 0, 0, 4, 0, -1)))
    weights = choose_weights([one] * 5, ["aaab"] * 5)
    assert one.text(weights) == "aaaa"


def test_cer_on_dev_never_rises_above_greedy_decoding():
    # By the model of words three of four words are right instead of none.
    one = candidates(("x y z w", (-1, -9, 0, 0, 4, 0)), ("a b c dddddd", (-3, -1, 0, 0, 4, 0)))
    assert one.text(choose_weights([one], ["a b c ddddd"])) == "a b c dddddd"
    assert one.text(choose_weights([one], ["a b c d"])) == "x y z w"


@pytest.mark.parametrize("clips", [4, 40])
def test_what_lowers_cer_on_dev_by_chance_alone_is_not_taken(clips):
    # By the emissions three clips of four lose an error, and the fourth gains one.
    better = candidates(("axx", (-2, 0, 0, 0, 1, 3)), ("abx", (-1, 0, 0, 0, 1, 3)))
    worse = candidates(("abx", (-2, 0, 0, 0, 1, 3)), ("axx", (-1, 0, 0, 0, 1, 3)))
    dev = [better, better, better, worse] * (clips // 4)
    taken = better.text(choose_weights(dev, ["abc"] * clips)) == "abx"
    assert taken == (clips == 40)


def test_the_likeliest_text_may_be_worse_than_the_greedy_one_and_then_is_not_taken():
    # Neither weights to start from are allowed: without a language model "ac" is the likeliest.
    one = candidates(("ab", (-2, -1, 0, -5, 1, 0)), ("ac", (-1, -1, 0, -2, 1, 0)))
    dev, references = [one] * 3, ["ab"] * 3
    assert one.text(START) == one.text((1, 0, 0, 0, 0, 0)) == "ac"
    assert one.text(choose_weights(dev, references)) == "ab"


def test_texts_that_are_too_short_on_dev_are_outweighed_by_a_reward_for_each_letter():
    dev = [candidates(("ab", (-1, -9, 0, 0, 1, 2)), ("abcd", (-1.8, -9, 0, 0, 1, 4)))] * 3
    weights = choose_weights(dev, ["abcd"] * 3)
    assert dev[0].text(START) == "ab" and dev[0].text(weights) == "abcd"
    assert weights[FEATURES.index("symbol_count")] > 0.4


def drawn_clip(rng):
    """Return a reference, and texts with more and more errors, scored at random."""
    letters = [*"abcd "]
    reference = " ".join("".join(rng.choice(letters[:4], 4)) for _ in range(4))
    texts = [reference]
    for _ in range(6):
        text = [*texts[-1]]
        text[rng.integers(len(text))] = rng.choice(["", *letters])
        texts.append(" ".join("".join(text).split()))
    order = [2, *rng.permutation([0, 1, 3, 4, 5, 6])]
    features = 2 * rng.normal(size=(len(texts), len(FEATURES)))
    return reference, Candidates([texts[i] for i in order], features)


def cost(weights, dev, references):
    texts = [own.text(weights) for own in dev]
    letters = Levenshtein.distance("|".join(texts), "|".join(references))
    words = Levenshtein.distance(" | ".join(texts).split(), " | ".join(references).split())
    return letters / sum(map(len, references)) + words / sum(len(r.split()) for r in references)


def test_prices_that_rise_find_weights_that_the_highest_alone_does_not(monkeypatch):
    rng, gained = np.random.default_rng(1), []
    monkeypatch.setattr(rescoring, "SURE", 0.0)  # so few clips are sure of nothing
    for _ in range(6):
        references, dev = zip(*(drawn_clip(rng) for _ in range(12)), strict=True)
        risen = cost(choose_weights(dev, references), dev, references)
        with monkeypatch.context() as patch:
            patch.setattr(rescoring, "PRICES", PRICES[-1:])
            gained.append(cost(choose_weights(dev, references), dev, references) - risen)
    assert np.mean(gained) > 0 and max(gained) > 0.02, gained


def test_without_dev_clips_the_weights_are_those_to_start_from():
    assert choose_weights([], []) == START


def test_a_model_that_only_misleads_gets_no_weight():
    dev = [candidates(("ab", (-1, -9, 0, -9, 1, 0)), ("aa", (-1.1, -1, 0, -1, 1, 0)))] * 3
    assert dev[0].text(choose_weights(dev, ["ab"] * 3)) == "ab"
