"""The stage that builds a language model, on an invented corpus and the user's own texts."""

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from arpa_reader import read_language
from debs import write_deb
from prepared import PARAMS

from stages.build_language_model import main
from voicegraft.language.arpa import LanguageModel, is_installed
from voicegraft.language.folder import SPELLING, SYMBOLS, WORDS, symbols_of
from voicegraft.language.ngram import RESERVED
from voicegraft.language.texts import TextsError
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.pipeline.params import ParamsError
from voicegraft.pipeline.provenance import provenance
from voicegraft.speech.manifest import SPLITS, Utterance, write_manifest

SCRIPT = Path(__file__).parent.parent / "stages/build_language_model.py"
KNOBS = {"texts": "none", "more_texts": "none", "folder": "text", "field": "text"}
KNOBS |= {"order": 3, "spelling_order": 5}
SUBJECTS = ["ryba", "stará loď", "malý krab", "mořská hvězda", "kapitán", "velká chobotnice"]
VERBS = ["tiše hledá", "už dávno nemá", "včera našla", "nechce vidět", "rychle nese"]
OBJECTS = ["zelený kámen", "cestu domů", "svůj klíč od truhly", "tři perly", "dno jezera"]
ENDS = ["a nikdo o tom neví", "protože venku je tma", "než přijde zima", "přes všechny vlny"]


def spoken(seed):
    drawn = random.Random(seed)
    return [
        " ".join(drawn.choice(part) for part in (SUBJECTS, VERBS, OBJECTS, ENDS)) for _ in range(60)
    ]


class Project:
    """A folder with params.yaml, a prepared corpus and the user's texts, and the stage."""

    def __init__(self, root):
        self.root, self.own, self.knobs = root, root / "text", dict(KNOBS)
        self.own.mkdir()
        texts = sorted(set(spoken(1)))
        self.sides = {side: texts[i::4] for i, side in enumerate(SPLITS)}
        self.sides["test"].append("velryba zpívá o půlnoci pod mostem")
        self.write()

    def write(self):
        corpus, rows = self.root / "corpus", []
        corpus.mkdir(exist_ok=True)
        with PackedWriter(corpus / "audio.npy", np.int16) as audio:
            for side, texts in self.sides.items():
                for i, text in enumerate(texts):
                    first = audio.append(np.zeros(9, np.int16))
                    rows.append(Utterance(f"{side} {i}", side, "", "", first, 9, text))
        write_manifest(corpus / "manifest.csv", rows)

    def run(self, out="out"):
        params = PARAMS | {"language_model": self.knobs}
        (self.root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        paths = ("corpus", "downloads", f"{out}/language", f"{out}/language_model.json")
        main(*(self.root / path for path in paths))
        self.report = json.loads((self.root / paths[-1]).read_text(encoding="utf-8"))
        return read_language(self.root / paths[2])

    def files(self, out="out"):
        folder = self.root / out / "language"
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_with_transcripts_alone_the_lexicon_is_their_words(project):
    language = project.run()
    words = {word for text in project.sides["train"] for word in text.split()}
    assert language.lexicon == sorted(words)
    lexicon = project.files()["lexicon.txt"].decode().splitlines()
    assert lexicon == language.lexicon
    assert (language.words.order, language.spelling.order) == (3, 5)
    assert project.report["sources"]["transcripts"]["weight"] == 1


@pytest.mark.parametrize("first", ["none", "fortunes"])
def test_more_texts_are_those_of_another_plug_in_beside_the_first(project, monkeypatch, first):
    monkeypatch.setitem(PARAMS["corpus"], "language", "cs")
    text = "Kapr nemá klíč a stará ryba nemá kapra.\n%\n".encode()
    (project.root / "downloads").mkdir()
    place = "./usr/share/games/fortunes/cs/ryby"
    write_deb(project.root / "downloads/fortunes-cs_9_all.deb", {place: text})
    project.knobs |= {"texts": first, "more_texts": "fortunes"}
    language = project.run()
    assert {"kapr", "kapra"} <= set(language.lexicon)
    named = dict.fromkeys(("transcripts", first, "fortunes", "own"))
    assert list(project.report["sources"]) == list(named)


def test_the_report_measures_each_side_and_names_the_corpus(project):
    language = project.run()
    sides = project.report["sides"]
    unknown = [w for t in project.sides["test"] for w in t.split() if w not in language.words]
    words = sum(len(text.split()) for text in project.sides["test"])
    assert sides["test"]["unknown_share"] == round(len(unknown) / words, 4) > 0
    assert sides["train"]["unknown_share"] == 0 and sides["train"]["spelling_perplexity"] is None
    scores = [s for text in project.sides["train"] for s in language.words.score(text.split())]
    assert sides["train"]["perplexity"] == pytest.approx(10 ** -np.mean(scores), abs=0.01)
    assert sides["train"]["perplexity"] < sides["dev"]["perplexity"] < 30
    outside = [
        score
        for text in project.sides["test"]
        for word, score in zip(text.split(), language.words.score(text.split())[:-1], strict=True)
        if word not in language.words
    ]
    assert sides["test"]["unknown_log10"] == pytest.approx(np.mean(outside), abs=1e-3)
    spelled = [s for word in unknown for s in language.spelling.score(word)]
    assert sides["test"]["spelling_perplexity"] == pytest.approx(10 ** -np.mean(spelled), abs=0.01)
    assert provenance(corpus=project.root / "corpus")[0] in project.report["of"]


def test_the_report_quotes_no_word(project):
    (project.own / "a.txt").write_text("Krab 1984 spí pod mostem.\n", encoding="utf-8")
    project.run()
    text = (project.root / "out/language_model.json").read_text(encoding="utf-8")
    words = {w for texts in project.sides.values() for t in texts for w in t.split() if len(w) > 2}
    assert [word for word in words | {"1984", "spí"} if word in text] == []


def test_the_users_texts_and_words_are_known_if_labels_spell_them(project):
    project.run()
    before = project.report["sides"]["test"]
    text = "Žralok zpívá pod mostem v 17. kapitole! Velryba je tu."
    (project.own / "a.txt").write_text(text, encoding="utf-8")
    (project.own / "b.words").write_text("půlnoci\nxylofon\n", encoding="utf-8")
    language = project.run()
    own = project.report["sources"]["own"]
    assert {"zpívá", "mostem", "velryba", "půlnoci"} <= set(language.lexicon)
    assert not {"17", "xylofon", "žralok!"} & set(language.lexicon)
    assert own["words_without_label"] == 1
    assert own["commonest_without_label"] == {"1": 1, "7": 1}
    assert project.report["listed_words"] == 1
    assert 0 < own["weight"] < 0.1  # no sentence of dev is like it
    assert project.report["sides"]["test"]["unknown_share"] < before["unknown_share"]


def with_typos(text, drawn):
    """Put an error into about every fourth word: a letter that is doubled, lost or changed."""
    words = text.split()
    for i in range(0, len(words), 4):
        at = drawn.randrange(len(words[i]))
        put = drawn.choice([words[i][at] * 2, "", drawn.choice("aeiou")])
        words[i] = words[i][:at] + put + words[i][at + 1 :]
    return " ".join(words)


def test_planted_sentences_of_dev_test_and_unseen_change_no_byte_of_the_model(project):
    others = ["Žádné moře není bez břehu.", "Kdo se směje naposled?", "Dobrá rada nad zlato."]
    (project.own / "a.txt").write_text("\n".join(others), encoding="utf-8")
    project.run("clean")
    assert project.report["sources"]["own"]["leaks_removed"] == 0
    drawn = random.Random(1)
    scored = [t for side in ("dev", "test", "unseen") for t in project.sides[side]]
    around = [f"Včera mi řekli, že {text}, ale nevěřil jsem." for text in scored]
    typos = [with_typos(text, drawn) for text in scored]
    both = [f"A prý {with_typos(text, drawn)} jako vždycky" for text in scored]
    shouted = [f"{text.upper()}!!!" for text in scored]
    (project.own / "b.txt").write_text("\n".join(around + shouted), encoding="utf-8")
    with gzip.open(project.own / "c.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(typos))
    lines = [json.dumps({"text": text}) for text in [*both, " ".join(shouted)]]
    (project.own / "d.jsonl").write_text("\n".join(lines), encoding="utf-8")
    project.run("planted")
    assert project.report["sources"]["own"]["leaks_removed"] == 5 * len(scored)
    assert project.files("planted") == project.files("clean")


def test_twice_gives_the_same_bytes(project):
    (project.own / "a.txt").write_text("\n".join(spoken(7)), encoding="utf-8")
    project.run("one")
    project.run("two")
    assert project.files("one") == project.files("two")
    one, two = (project.root / out / "language_model.json" for out in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")
def test_kenlm_reads_all_models_as_they_were_written(project):
    (project.own / "a.txt").write_text("\n".join(spoken(7)[:9]), encoding="utf-8")
    language = project.run()
    folder = project.root / "out/language"
    for text in project.sides["test"]:
        words = text.split()
        for name, ours, tokens in (
            (WORDS, language.words, words),
            (SPELLING, language.spelling, list(words[0])),
            (SYMBOLS, language.symbols, symbols_of(words)),
        ):
            theirs = LanguageModel(folder / name, ours.vocabulary[len(RESERVED) :])
            assert sum(ours.score(tokens)) == pytest.approx(theirs.log10(tokens), abs=1e-3)


@pytest.mark.parametrize(
    ("key", "value"), [("order", 7), ("order", 1), ("spelling_order", 0), ("field", 3)]
)
def test_a_wrong_knob_is_named(project, key, value):
    project.knobs[key] = value
    with pytest.raises(ParamsError, match=f"language_model.{key}"):
        project.run()


def test_without_a_transcript_the_stage_says_so(project):
    project.sides = {side: [] for side in SPLITS}
    project.write()
    with pytest.raises(TextsError, match="no clip of train has a transcript"):
        project.run()


def test_a_users_mistake_is_one_line_and_status_1(project):
    project.run()
    (project.own / "a.jsonl").write_text("{", encoding="utf-8")
    command = [sys.executable, SCRIPT, "corpus", "downloads", "x", "x.json"]
    path = {"PYTHONPATH": str(SCRIPT.parent.parent)}
    result = subprocess.run(command, capture_output=True, text=True, env=path)
    assert result.returncode == 1
    assert "a.jsonl:1: it is not JSON" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
