"""ARPA files, against the reader of KenLM in flashlight-text."""

from pathlib import Path

import pytest

from voicegraft.language.arpa import read_arpa, write_arpa
from voicegraft.language.kneser_ney import estimate
from voicegraft.language.ngram import NGram
from voicegraft.pipeline.files import DamagedError

FOLDER = Path(__file__).parent / "language"
LINES = (FOLDER / "text.txt").read_text(encoding="utf-8").splitlines()
SENTENCES = [line.split() for line in LINES]


@pytest.fixture
def arpa(tmp_path):
    write_arpa(tmp_path / "model.arpa", estimate(SENTENCES, 3))
    return tmp_path / "model.arpa"


def test_what_is_read_and_written_again_is_the_same_file(arpa, tmp_path):
    write_arpa(tmp_path / "again.arpa", read_arpa(arpa))
    assert (tmp_path / "again.arpa").read_bytes() == arpa.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.arpa", "model.arpa"]


def test_a_model_scores_as_before_it_was_written(arpa):
    made, read = estimate(SENTENCES, 3), read_arpa(arpa)
    assert read.order == 3
    for words in [*SENTENCES, [], ["neznámé", "moře"]]:
        assert read.score(words) == pytest.approx(made.score(words), abs=1e-5)


@pytest.mark.parametrize("order", [2, 3, 6])
def test_the_reader_of_kenlm_gives_each_sentence_the_same_score(order, tmp_path):
    reason = "flashlight-text is not installed"
    kenlm = pytest.importorskip("flashlight.lib.text.decoder.kenlm", reason=reason)
    dictionary = pytest.importorskip("flashlight.lib.text.dictionary", reason=reason)
    path = tmp_path / "model.arpa"
    write_arpa(path, estimate(SENTENCES, order))
    ours, words = read_arpa(path), dictionary.Dictionary()
    for word in ours.vocabulary:
        words.add_entry(word)
    theirs = kenlm.KenLM(str(path), words)
    for tokens in [*SENTENCES, [], ["neznámé", "moře"]]:
        state, scores = theirs.start(False), []
        for token in tokens:
            index = words.get_index(token if token in ours else "<unk>")
            state, score = theirs.score(state, index)
            scores.append(score)
        scores.append(theirs.finish(state)[1])
        assert ours.score(tokens) == pytest.approx(scores, abs=1e-4)


def test_the_file_of_another_program_is_read_in_its_own_order():
    model = read_arpa(FOLDER / "lmplz.arpa")
    assert 10 ** model.score(["hora", "ostrov"])[1] > 0.05
    assert model.score([])[0] < 0


def test_spaces_of_unicode_are_letters_of_a_word_in_a_file(tmp_path):
    lines = ["\\data\\", "ngram 1=4", "", "\\1-grams:", "-1\t<unk>", "0\t<s>", "-1\t</s>"]
    text = "\n".join([*lines, "-0.5\ta\u00a0b\u2028c\t0", "", "\\end\\", ""])
    (tmp_path / "x.arpa").write_text(text, encoding="utf-8")
    assert read_arpa(tmp_path / "x.arpa").score(["a\u00a0b\u2028c"])[0] == -0.5


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("\\data\\", "data", "no .data."),
        ("ngram 2=", "ngram 3=", "not in order"),
        ("\\end\\\n", "", "does not end"),
        ("\\2-grams:", "\\4-grams:", "is not .2-grams:"),
        ("hora ostrov", "hora výspa", "výspa"),
        ("\thora ostrov\t", "\t", "is no 2-gram"),
        ("\n\n\\3-grams:", "\n-1\thora hora\n\n\\3-grams:", "is not .3-grams:"),
        ("\thora ostrov\t", "\tostrov ostrov\t", "without the n-gram of its first words"),
        ("\tostrov </s>\n", "\tmoře </s>\n", "twice"),
    ],
)
def test_a_file_that_is_none_is_named(arpa, old, new, why):
    text = arpa.read_text(encoding="utf-8")
    assert old in text
    arpa.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DamagedError, match=rf"model.arpa is damaged.*{why}"):
        read_arpa(arpa)


@pytest.mark.parametrize("word", ["a b", "a\tb", "", "a\u00a0b", "a\0"])
def test_a_word_with_a_space_is_not_written(word, tmp_path):
    model = estimate(SENTENCES, 2)
    with pytest.raises(ValueError, match="cannot be a word"):
        write_arpa(tmp_path / "x.arpa", NGram([*model.vocabulary[:-1], word], model.levels))
    assert not list(tmp_path.iterdir())
