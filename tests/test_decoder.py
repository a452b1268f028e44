"""A decoder in the folder of a model."""

import json

import pytest
import torch
from spelling_emissions import LABELS, SENTENCES, emission, write_language
from test_attention import clips
from test_attention import decoder as attention_decoder

from voicegraft.language import attended
from voicegraft.language.arpa import is_installed
from voicegraft.language.attended import ATTENDED
from voicegraft.language.decoder import (
    BeamDecoder,
    GreedyDecoder,
    load_decoder,
    save_decoder,
    tuned,
)
from voicegraft.language.joint_search import JointSearch
from voicegraft.language.rescoring import FEATURES
from voicegraft.language.settings import FOLDER, SETTINGS, Settings
from voicegraft.model import ctc
from voicegraft.pipeline.files import DamagedError

needs_search = pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")
WRONG, RIGHT = emission("abca beře", "abba beře", 0.6), "abba beře"


@pytest.fixture
def language(tmp_path):
    return write_language(tmp_path / "language")


@needs_search
def test_the_greedy_text_is_the_first_candidate_and_no_text_comes_twice(language):
    found = BeamDecoder(LABELS, language, Settings(decode="beam")).candidates(WRONG)
    assert found.texts[0] == ctc.greedy(WRONG, LABELS) == "abca beře"
    assert len(set(found.texts)) == len(found.texts) == len(found.features)


@needs_search
def test_a_saved_decoder_decodes_as_the_one_that_was_tuned(language, tmp_path):
    decoder = BeamDecoder(LABELS, language, Settings(decode="beam"))
    dev = [decoder.candidates(emission(text, sure=0.7)) for text in SENTENCES]
    wrong = [decoder.candidates(WRONG)] * 4
    settings = tuned([*dev, *wrong], [*SENTENCES, *[RIGHT] * 4])
    save_decoder(tmp_path / "model" / FOLDER, settings, language)
    (language / "words.arpa").unlink()
    loaded = load_decoder(tmp_path / "model", LABELS)
    assert loaded.settings == settings
    words = list(loaded.words(WRONG))
    assert " ".join(word.text for word in words) == loaded.decode(WRONG) == RIGHT
    assert all(0 <= w.start < w.end <= 1 and 0 < w.confidence < 1 for w in words)


class Knowing:
    """Stands for an attention decoder: it writes one text, and is sure of it."""

    def __init__(self, text):
        self.text = text

    def written(self, clips):
        return [self.text for _ in clips]

    def log_likelihoods(self, states, texts):
        assert states.shape == (5, 3)
        return torch.tensor([0.0 if text == self.text else -9.0 for text in texts])


@needs_search
@pytest.mark.parametrize(("own", "kept"), [("abba beda", True), ("cede řada", False)])
def test_an_attention_decoder_proposes_what_the_emissions_do_not_veto(language, own, kept):
    decoder = BeamDecoder(LABELS, language, Settings(decode="beam"), Knowing(own))
    found = decoder.candidates(WRONG, torch.zeros(5, 3))
    assert found.features.shape == (len(found.texts), 7)
    assert (own in found.texts) == kept
    assert found.texts[0] == ctc.greedy(WRONG, LABELS)
    assert len(set(found.texts)) == len(found.texts) <= ATTENDED + 2
    if kept:
        weights = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0)
        assert found.text(weights) == own


@needs_search
def test_texts_of_a_joint_search_are_scored_beside_those_of_the_others(language, monkeypatch):
    monkeypatch.setattr(attended, "VETO", 1e9)  # what learnt nothing contradicts the emissions
    attention, (states,) = attention_decoder(texts=SENTENCES), clips(len(WRONG))
    by_beam, by_both = (
        BeamDecoder(LABELS, language, Settings(decode=search), attention).candidates(WRONG, states)
        for search in ("beam", "joint")
    )
    more = by_both.texts[len(by_beam.texts) :]
    assert by_both.texts[: len(by_beam.texts)] == by_beam.texts
    texts = JointSearch(attention, LABELS)(WRONG, states)
    assert more and more == [text for text in texts if text not in by_beam.texts]
    assert by_both.features[: len(by_beam.texts)] == pytest.approx(by_beam.features, abs=1e-4)


@needs_search
def test_a_joint_search_without_an_attention_decoder_is_that_of_the_beam(language):
    by_beam, by_both = (
        BeamDecoder(LABELS, language, Settings(decode=search)).candidates(WRONG)
        for search in ("beam", "joint")
    )
    assert by_both.texts == by_beam.texts


def test_weights_are_kept_by_name(language, tmp_path):
    settings = Settings(decode="beam", weights=(1.0, 0.5, 0.25, 0.0, -2.0, 1.5))
    save_decoder(tmp_path / FOLDER, settings, language)
    kept = json.loads((tmp_path / FOLDER / SETTINGS).read_text())
    assert kept["weights"] == dict(zip(FEATURES, settings.weights, strict=True))
    kept["weights"] = dict(reversed(kept["weights"].items()))
    assert Settings.model_validate(kept) == settings


@needs_search
def test_a_decoder_tuned_with_attention_is_loaded_with_it_and_another_without(language, tmp_path):
    for count in (6, 7):
        settings = Settings(decode="beam", weights=(1.0,) * count)
        save_decoder(tmp_path / FOLDER, settings, language)
        attention = Knowing("abba")
        loaded = load_decoder(tmp_path, LABELS, attention)
        assert loaded.attention is (attention if count == 7 else None)


@needs_search
def test_a_language_without_spaces_is_decoded_by_its_symbols(tmp_path):
    sentences = [s.replace(" ", "") for s in SENTENCES]
    language, labels = write_language(tmp_path / "own", sentences), ["", *"abcdeř"]
    decoder = BeamDecoder(labels, language, Settings(decode="beam"))
    assert decoder.decode(emission("abcacede", "abbacede", 0.6, labels)) == "abbacede"


def test_a_model_without_a_decoder_or_with_a_greedy_one_has_none_to_load(language, tmp_path):
    assert load_decoder(tmp_path, LABELS) is None
    save_decoder(tmp_path / FOLDER, Settings(decode="greedy"), language)
    assert load_decoder(tmp_path, LABELS) is None
    assert [file.name for file in (tmp_path / FOLDER).iterdir()] == [SETTINGS]


def test_where_flashlight_is_missing_decoding_is_greedy_and_that_is_said(
    language, tmp_path, monkeypatch, capsys
):
    save_decoder(tmp_path / FOLDER, Settings(decode="beam"), language)
    monkeypatch.setattr("voicegraft.language.decoder.is_installed", lambda: False)
    assert load_decoder(tmp_path, LABELS) is None
    assert "flashlight-text is not installed" in capsys.readouterr().err


@needs_search
@pytest.mark.parametrize(
    "damage",
    [
        {SETTINGS: "{"},
        {SETTINGS: json.dumps({"decode": "beam", "weights": {"emissions": 1.0}})},
        {SETTINGS: json.dumps({"decode": "beam", "weights": [1.0] * len(FEATURES)})},
        {SETTINGS: json.dumps({"decode": "beam", "weights": dict.fromkeys([*FEATURES, "x"], 1)})},
        {"words.arpa": "\\data\\\nngram 1=1\n"},
        {"symbols.arpa": ""},
    ],
)
def test_a_damaged_decoder_is_refused_by_the_name_of_its_file(language, tmp_path, damage):
    save_decoder(tmp_path / FOLDER, Settings(decode="beam"), language)
    ((name, content),) = damage.items()
    (tmp_path / FOLDER / name).write_text(content)
    with pytest.raises(DamagedError, match=name):
        load_decoder(tmp_path, LABELS)


def test_greedy_words_have_times_and_no_confidence():
    words = list(GreedyDecoder(LABELS).words(emission("abba cede")))
    assert [(w.text, w.confidence) for w in words] == [("abba", None), ("cede", None)]
    assert words[0].end <= words[1].start
