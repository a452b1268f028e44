"""Texts for a language model: plug-ins, sentences, and the user's own folder."""

import gzip
import inspect
import json
from pathlib import Path

import polib
import pytest
from debs import write_deb

from voicegraft import texts
from voicegraft.fetching.debian import PackageError
from voicegraft.language.leaks import Scored
from voicegraft.language.own_texts import own_texts, own_words
from voicegraft.language.sources import usable, usable_words
from voicegraft.language.texts import TextsError, load_texts, sentences_of, tokenised
from voicegraft.preparing.text import TextSection
from voicegraft.texts import wesnoth
from voicegraft.texts.fortunes import PACKAGES

NAMES = sorted(p.stem for p in Path(texts.__file__).parent.glob("*.py") if p.stem != "__init__")
SECTION = TextSection(case="lower", punctuation="remove", apostrophes="keep", also_keep="")
FORTUNES = "./usr/share/games/fortunes"


@pytest.fixture
def fortunes(tmp_path):
    """Downloads with a Czech package as Debian has it, with invented sayings."""
    files = {
        "cs/ryby": "Ryba plave\npod lodí. Moře mlčí.\n\t\t-- Kapr\n%\n- Kdo je tam?\n- Já!\n%\n",
        "cs/ryby.dat": "Index",
        "cs/klasik-sk": "Loď pláva.\n%\n",
        "cs/off/zle": "Zlá slova.\n%\n",
        "cs/divne": "Dobrý řádek.\n",
    }
    members = {f"{FORTUNES}/{name}": text.encode() for name, text in files.items()}
    members[f"{FORTUNES}/cs/divne"] += b"\xff\xfe\n"
    write_deb(tmp_path / "fortunes-cs_9_all.deb", members)
    return tmp_path


def test_every_plug_in_keeps_the_contract():
    for name in NAMES:
        contract = inspect.signature(load_texts(name).sentences)
        assert list(contract.parameters) == ["downloads", "language", "mirror"]
    assert NAMES == ["fortunes", "none", "wesnoth"]


def test_a_plug_in_that_is_none_is_named():
    with pytest.raises(TextsError, match="'fortune'; here are: fortunes, none, wesnoth"):
        load_texts("fortune")


def test_fortunes_are_entries_without_their_sources(fortunes):
    found = list(load_texts("fortunes").sentences(fortunes, "cs", ""))
    assert found == ["Dobrý řádek.", "Ryba plave pod lodí. Moře mlčí.", "Kdo je tam?", "Já!"]


def test_a_language_without_fortunes_has_none_and_one_line(tmp_path, capsys):
    assert list(load_texts("fortunes").sentences(tmp_path, "yo", "")) == []
    (line,) = capsys.readouterr().err.splitlines()
    assert "'yo'" in line and "cs" in line
    assert list(load_texts("none").sentences(tmp_path, "cs", "")) == []
    assert capsys.readouterr().err == ""


def catalogue(path, said):
    """Return the bytes of a catalogue as msgfmt writes it; of a tuple, singular and plural."""
    made = polib.POFile()
    made.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    for number, text in enumerate(said):
        entry = polib.POEntry(msgid=f"{number}")
        if isinstance(text, tuple):
            entry.msgid_plural, entry.msgstr_plural = f"{number}s", dict(enumerate(text))
        else:
            entry.msgstr = text
        made.append(entry)
    made.save_as_mofile(path)
    return path.read_bytes()


@pytest.fixture
def campaigns(tmp_path, monkeypatch):
    """Downloads with two campaigns as Debian has them, with invented lines."""
    own = {"dw": ["Kdo je <i>tam</i>, $unit.name|?", ("vlk", "vlci")], "l": ["Ahoj&nbsp;světe!"]}
    for name, lines in own.items():
        said = {"cs": lines, "nl": ["Wie is daar?"]}
        members = {
            f"./usr/share/games/wesnoth/1.16/locale/{language}/LC_MESSAGES/{name}.mo": content
            for language, each in said.items()
            for content in [catalogue(tmp_path / "made.mo", each)]
        }
        write_deb(tmp_path / f"wesnoth-1.16-{name}_9_all.deb", members)
    kept = [package for package in wesnoth.PACKAGES if package.name.endswith(("-dw", "-l"))]
    monkeypatch.setattr(wesnoth, "PACKAGES", kept)
    return tmp_path


def test_wesnoth_has_what_catalogues_say_without_the_markup_of_the_game(campaigns):
    found = list(load_texts("wesnoth").sentences(campaigns, "cs", ""))
    said = [" ".join(text.split()) for text in found]
    assert said == ["Kdo je tam , ?", "vlk", "vlci", "Ahoj světe!"]


def test_a_language_that_wesnoth_does_not_speak_has_none_and_one_line(campaigns, capsys):
    assert list(load_texts("wesnoth").sentences(campaigns, "yo", "")) == []
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "wesnoth has no texts in 'yo', it has cs, nl"


def test_a_damaged_catalogue_is_refused_by_name(tmp_path):
    (tmp_path / "bad.mo").write_bytes(b"\xde\x12\x04\x95\0\0\0\0\xff\xff\xff\0")
    with pytest.raises(PackageError, match=r"bad\.mo is no catalogue of gettext"):
        list(wesnoth.translations(tmp_path / "bad.mo"))


def test_a_package_that_cannot_be_fetched_says_what_to_do(tmp_path):
    with pytest.raises(PackageError, match="corpus.mirror: file:///nowhere/pool/main/f/fortunes-c"):
        list(load_texts("fortunes").sentences(tmp_path, "cs", "file:///nowhere"))


def test_every_package_has_its_place_on_a_mirror_and_a_hash():
    for package in PACKAGES.values():
        assert package.url("x").startswith(f"x/pool/main/f/{package.name}/fortunes-")
    for package in wesnoth.PACKAGES:
        assert package.url("x") == f"x/pool/main/w/wesnoth-1.16/{package.name}_1.16.9-1_all.deb"
    hashes = {package.sha256 for package in [*PACKAGES.values(), *wesnoth.PACKAGES]}
    assert {len(bytes.fromhex(digest)) for digest in hashes} == {32}
    assert len(hashes) == len(PACKAGES) + len(wesnoth.PACKAGES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ano. Ne! Co? Nic… Tak.", ["Ano.", "Ne!", "Co?", "Nic…", "Tak."]),
        ("jeden řádek\ndruhý řádek\n", ["jeden řádek", "druhý řádek"]),
        ("Přijel 1. ledna. Odjel.", ["Přijel 1. ledna.", "Odjel."]),
        ("Hrál J. S. Bach. Krásně.", ["Hrál J. S. Bach.", "Krásně."]),
        ("Má např. psa. A kočku.", ["Má např. psa.", "A kočku."]),
        ("„Ano.“ Odešel.", ["„Ano.“", "Odešel."]),
        ("Verze 3.5 je tu.", ["Verze 3.5 je tu."]),
        ("我们来了。你在哪里？好", ["我们来了。", "你在哪里？", "好"]),
        ("मैं हूँ। तुम हो।", ["मैं हूँ।", "तुम हो।"]),
        ("", []),
    ],
)
def test_a_sentence_ends_at_a_sign_before_a_new_one(text, expected):
    assert [part.strip() for part in sentences_of(text)] == expected


def test_tokens_are_the_words_of_the_corpus_normalisation():
    found = list(tokenised(["Šel, „tam“ – a zpět. …!? It’s OK", "<s>"], SECTION))
    assert found == [["šel", "tam", "a", "zpět"], ["it's", "ok"], ["s"]]
    kept = SECTION.model_copy(update={"punctuation": "keep"})
    assert list(tokenised(["a <s> b"], kept)) == [["a", "b"]]


def test_every_kind_of_file_in_the_users_folder_is_read_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/three.txt").write_text("\ufeffTřetí.\r\nČtvrtý.", encoding="utf-8")
    with gzip.open(tmp_path / "a.txt.gz", "wt", encoding="utf-8") as file:
        file.write("První.\n")
    rows = [json.dumps({"text": "Druhý.", "id": 1}), "", json.dumps({"text": "A\u2028b"})]
    (tmp_path / "aa.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "x.words").write_text("ryba\n\nřeka\t7\n", encoding="utf-8")
    (tmp_path / "y.tsv").write_text("řeka\t3\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("No text.")
    found = [text for text in own_texts(tmp_path, "text") if text]
    assert found == ["První.", "Druhý.", "A\u2028b", "Třetí.", "Čtvrtý."]
    assert own_words(tmp_path) == {"ryba": 0, "řeka": 10}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.txt", b"\xff\xfea", "a.txt is not UTF-8"),
        ("a.txt.gz", b"no gzip", "a.txt.gz cannot be unpacked"),
        ("a.txt.gz", gzip.compress(b"text" * 99)[:20], "a.txt.gz cannot be unpacked"),
        ("a.jsonl", b'{"text": "x"}\n{', "a.jsonl:2: it is not JSON"),
        ("a.jsonl", b'{"body": "x"}', "a.jsonl:1: .*'text'.*here are: body"),
        ("a.jsonl", b'["x"]', "a.jsonl:1: .*no object"),
        ("a.jsonl", b'{"text": 3}', "a.jsonl:1: .*here are: text"),
        ("a.tsv", b"word\tmany", "a.tsv:1: .*whole number, not 'many'"),
        ("a.words", b"\xff", "a.words is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TextsError, match=why):
        list(own_texts(tmp_path, "text"))
        own_words(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TextsError, match="language_model.folder: there is no folder .*/gone"):
        list(own_texts(tmp_path / "gone", "text"))


def test_words_that_no_label_spells_are_unknown_and_counted_by_sentence():
    sentences = [["v", "roce", "1984"], ["1984", "1948"], ["ryba"], ["loď", "q"]]
    source = usable(sentences, "vrocebyalďů", Scored([["ryba"]]))
    assert source.sentences == [["v", "roce", "<unk>"], ["loď", "<unk>"]]
    counts = source.counts()
    assert counts["leaks_removed"] == 1
    assert counts["words_without_label"] == 4
    assert counts["characters_without_label"] == 5
    assert counts["commonest_without_label"] == {"1": 2, "4": 2, "8": 2, "9": 2, "q": 1}


def test_listed_words_are_normalised_and_left_out_if_no_label_spells_them():
    listed = {"Ryba": 2, "ryba!": 3, "dvě slova": 1, "loď": 1, "…": 4}
    assert usable_words(listed, "rybadvěslov", SECTION) == {"ryba": 5}
