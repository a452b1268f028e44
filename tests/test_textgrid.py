"""The corpus textgrid: files as Praat writes them, a round trip by praatio, and damaged ones."""

import pytest
from annotated import PRAAT_LONG, facts, faults, make_textgrid, read
from praatio import textgrid
from praatio.data_classes.interval_tier import IntervalTier

from voicegraft.preparing.corpus import CorpusError

SAID = [(0.25, 1.5, 'he said ""'), (1.5, 2.75, "item [1]: ! x"), (3, 4.125, "řeč\n語")]


def refusal(tmp_path, content):
    (tmp_path / "a.TextGrid").write_bytes(content)
    with pytest.raises(CorpusError) as caught:
        read("textgrid", tmp_path)
    path = str(tmp_path / "a.TextGrid")
    assert str(caught.value).startswith(path), caught.value
    return str(caught.value).removeprefix(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_what_praat_writes_is_read_in_its_encodings(encoding, tmp_path):
    mark = "\ufeff" * (encoding == "utf-16-be")
    (tmp_path / "a.TextGrid").write_bytes((mark + PRAAT_LONG).encode(encoding))
    (tmp_path / "a.wav").touch()
    first, second = read("textgrid", tmp_path)
    assert (first.id, first.session) == ("a.TextGrid/0.512-1.750", "a.wav")
    assert first.path == tmp_path / "a.wav"
    assert facts([first, second]) == [(0.512, 1.75, "Ẹ̀kọ́", ""), (1.75, 2.3, 'a "b"', "")]


@pytest.mark.parametrize("format", ["long_textgrid", "short_textgrid"])
def test_what_praatio_writes_comes_back(format, tmp_path):
    grid = textgrid.Textgrid()
    grid.addTier(IntervalTier('the "tier"', SAID, 0, 5))
    grid.save(str(tmp_path / "a.TextGrid"), format=format, includeBlankSpaces=True)
    assert facts(read("textgrid", tmp_path)) == [(*said, "") for said in SAID]


def test_several_tiers_have_to_be_named_and_a_pattern_makes_them_speakers(tmp_path):
    grid = textgrid.Textgrid()
    grid.addTier(IntervalTier("ann", SAID[:1], 0, 5))
    grid.addTier(IntervalTier("bob", SAID[1:2], 0, 5))
    grid.save(str(tmp_path / "a.TextGrid"), format="short_textgrid", includeBlankSpaces=True)
    with pytest.raises(CorpusError, match=r"corpus.tier.*'ann' \(of no type\), 'bob'"):
        read("textgrid", tmp_path)
    assert [c.speaker for c in read("textgrid", tmp_path, "*")] == ["ann", "bob"]
    assert facts(read("textgrid", tmp_path, "bob")) == [(*SAID[1], "")]


def test_an_empty_tier_is_counted(tmp_path):
    make_textgrid(tmp_path)
    empty = PRAAT_LONG.replace('"Ẹ̀kọ́"', '""').replace('"a ""b"""', '" "')
    (tmp_path / "b.TextGrid").write_text(empty, encoding="utf-8")
    assert faults(read("textgrid", tmp_path)) == ["empty tier"]


def test_a_file_cut_anywhere_is_refused_with_its_line(tmp_path):
    content = PRAAT_LONG.encode()
    for at in range(1, len(content) - 20, 41):
        told = refusal(tmp_path, content[:at])
        assert told.startswith(", line "), told


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("size = 3", "size = 9999999999", ", line 23: it cannot hold 1e+10 intervals"),
        ("size = 3", "size = 4", ", line 35: the file ends where xmin should be"),
        ('"Ẹ̀kọ́"', "Ẹ̀kọ́", ", line 29: text should be in quotation marks"),
        ("xmax = 1.75 ", 'xmax = "x" ', ', line 26: xmax should be a number, not "x"'),
        ('"IntervalTier"', '"AmplitudeTier"', ", line 19: a tier is of the class 'AmplitudeTier'"),
        ("TextGrid", "Pitch", ", line 1: it is no TextGrid in text"),
        ("ooTextFile", "ooBinaryFile", ", line 1: it is no TextGrid in text"),
        ("Ẹ̀kọ́", b"caf\xe9", ", line 27: it is not UTF-8; `iconv"),
        ("Ẹ̀kọ́", b"\0", ", line 27: it holds a zero byte"),
    ],
)
def test_what_is_damaged_is_refused_with_its_line(old, new, complaint, tmp_path):
    new = new if isinstance(new, bytes) else new.encode()
    told = refusal(tmp_path, PRAAT_LONG.encode().replace(old.encode(), new, 1))
    assert told.startswith(complaint), told
