"""ARPA files, as KenLM reads them."""

from pathlib import Path

import pytest
from arpa_reader import read_arpa

from voicegraft.language.arpa import LanguageModel, is_installed, write_arpa
from voicegraft.language.kneser_ney import estimate
from voicegraft.language.ngram import RESERVED, NGram
from voicegraft.pipeline.files import DamagedError

FOLDER = Path(__file__).parent / "language"
LINES = (FOLDER / "text.txt").read_text(encoding="utf-8").splitlines()
SENTENCES = [line.split() for line in LINES]
needs_kenlm = pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")


@pytest.fixture
def arpa(tmp_path):
    write_arpa(tmp_path / "model.arpa", estimate(SENTENCES, 3))
    return tmp_path / "model.arpa"


def test_what_is_read_and_written_again_is_the_same_file(arpa, tmp_path):
    write_arpa(tmp_path / "again.arpa", read_arpa(arpa))
    assert (tmp_path / "again.arpa").read_bytes() == arpa.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.arpa", "model.arpa"]


@needs_kenlm
@pytest.mark.parametrize("order", [2, 3, 6])
def test_kenlm_gives_each_sentence_the_score_of_the_model_that_was_written(order, tmp_path):
    path, model = tmp_path / "model.arpa", estimate(SENTENCES, order)
    write_arpa(path, model)
    read = LanguageModel(path, model.vocabulary[len(RESERVED) :])
    for tokens in [*SENTENCES, [], ["neznámé", "moře"]]:
        assert read.log10(tokens) == pytest.approx(sum(model.score(tokens)), abs=1e-4)


@needs_kenlm
def test_a_word_that_is_not_looked_up_is_unknown(arpa):
    read, model = LanguageModel(arpa, ["hora"]), read_arpa(arpa)
    assert "hora" in read and "ostrov" in model
    assert "ostrov" not in read and "<unk>" not in read
    assert read.log10(["hora", "ostrov"]) == pytest.approx(sum(model.score(["hora", "výspa"])))


@needs_kenlm
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\\data\\", "data"),
        ("ngram 2=", "ngram 3="),
        ("\\end\\\n", ""),
        ("\\2-grams:", "\\4-grams:"),
        ("hora ostrov", "hora výspa"),
        ("\thora ostrov\t", "\t"),
    ],
)
def test_a_file_that_is_none_is_named(arpa, old, new, capfd):
    text = arpa.read_text(encoding="utf-8")
    assert old in text
    arpa.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DamagedError, match=r"model\.arpa is damaged"):
        LanguageModel(arpa, ["hora", "ostrov"])
    assert capfd.readouterr() == ("", "")


@needs_kenlm
def test_a_missing_file_is_named_and_does_not_end_the_process(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"symbols\.arpa is missing"):
        LanguageModel(tmp_path / "symbols.arpa", [])


@pytest.mark.parametrize("word", ["a b", "a\tb", "", "a\u00a0b", "a\0"])
def test_a_word_with_a_space_is_not_written(word, tmp_path):
    model = estimate(SENTENCES, 2)
    with pytest.raises(ValueError, match="cannot be a word"):
        write_arpa(tmp_path / "x.arpa", NGram([*model.vocabulary[:-1], word], model.levels))
    assert not list(tmp_path.iterdir())
