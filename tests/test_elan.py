"""The corpus elan: facts of files as ELAN writes them, a round trip by pympi, and hostile files."""

import pytest
import soundfile
from annotated import MEDIA, SPOKEN, aligned, eaf, facts, faults, read, referring, tape, tier
from prepared import Project
from pympi import Eaf

from voicegraft.preparing import paths
from voicegraft.preparing.corpus import CorpusError

WORDS = tier("words", referring("a3", "a1", "one"), referring("a4", "a1", "two"),
             referring("a5", "a2", "three"), kind="orthography", parent="text")  # fmt: skip
A1, A2 = (0.5, 2.0), (2.5, 4.25)


def of(tmp_path, *tiers, wanted="", **more):
    eaf(tmp_path, *tiers, **more)
    (tmp_path / "tape 1.wav").touch()
    return read("elan", tmp_path, wanted)


def refusal(tmp_path, *tiers, wanted="", **more):
    with pytest.raises(CorpusError) as caught:
        of(tmp_path, *tiers, wanted=wanted, **more)
    return str(caught.value)


def damaged(tmp_path, change):
    """Return the complaint about a file whose content is changed."""
    path = eaf(tmp_path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(CorpusError) as caught:
        read("elan", tmp_path)
    assert str(caught.value).startswith(str(path)), caught.value
    return str(caught.value).removeprefix(str(path))


def test_annotations_come_with_their_times_texts_and_recording(tmp_path):
    first, second = of(tmp_path)
    assert (first.id, first.session) == ("tape 1.eaf/0.500-2.000", "tape 1.wav")
    assert first.path == tmp_path / "tape 1.wav"
    assert facts([first, second]) == [(*A1, "Ẹ̀kọ́ & x", ""), (*A2, "b", "")]


def test_what_pympi_writes_comes_back(tmp_path):
    written = Eaf(author="a")
    written.add_linked_file("/home/other/a.wav", "./a.wav", "audio/x-wav")
    written.remove_tier("default")
    said = [(100, 1300, "řeč <b> &", "ann"), (1500, 2750, "語", "bob"), (3000, 4001, "c", "ann")]
    for speaker in ("ann", "bob"):
        written.add_tier(speaker, part=f"speaker {speaker}")
    for start, end, text, speaker in said:
        written.add_annotation(speaker, start, end, text)
    written.to_file(tmp_path / "a.eaf")
    (tmp_path / "a.wav").touch()
    expected = [(a / 1000, b / 1000, text, f"speaker {who}") for a, b, text, who in said]
    assert facts(read("elan", tmp_path)) == expected


def test_a_tier_is_meant_by_its_name_its_type_or_a_pattern(tmp_path):
    for wanted in ("words", "orthography", "wor*"):
        assert facts(of(tmp_path, SPOKEN, WORDS, wanted=wanted)) == [
            (*A1, "one two", ""),
            (*A2, "three", ""),
        ]
    assert len(facts(of(tmp_path, SPOKEN, WORDS))) == 2


def test_chains_of_tiers_lead_to_the_times_above(tmp_path):
    glosses = tier("gloss", referring("a6", "a4", "g"), kind="orthography", parent="words")
    assert facts(of(tmp_path, SPOKEN, WORDS, glosses, wanted="gloss")) == [(*A1, "g", "")]


TWO = [aligned("a1", "ts1", "ts2", "a")], [aligned("a2", "ts4", "ts5", "b")]


def test_tiers_of_participants_are_read_together_and_others_have_to_be_named(tmp_path):
    pair = [tier(f"t{i}", *own, participant=f"p{i}") for i, own in enumerate(TWO)]
    assert facts(of(tmp_path, *pair)) == [(*A1, "a", "p0"), (*A2, "b", "p1")]
    nameless = [tier(f"t{i}", *own) for i, own in enumerate(TWO)]
    told = refusal(tmp_path, *nameless)
    assert "corpus.tier" in told and "'t0' (utterance), 't1' (utterance)" in told
    assert facts(of(tmp_path, *nameless, wanted="*")) == [(*A1, "a", "t0"), (*A2, "b", "t1")]


def test_a_tier_that_is_nowhere_is_answered_with_those_there_are(tmp_path):
    told = refusal(tmp_path, SPOKEN, WORDS, wanted="txt")
    assert "'txt'; here are: orthography, text, utterance, words" in told


def test_a_file_without_the_tier_and_an_empty_tier_are_counted(tmp_path):
    eaf(tmp_path, name="b.eaf")
    eaf(tmp_path, tier("words"), name="c.eaf")
    found = of(tmp_path, SPOKEN, WORDS, wanted="words")
    assert {c.id: c.problem for c in found if c.problem} == {
        "b.eaf": "no such tier",
        "c.eaf/words": "empty tier",
    }
    assert len(facts(found)) == 2


def test_overlaps_and_slots_without_a_time_are_problems(tmp_path):
    ann = tier("t", aligned("a1", "ts1", "ts4", "a"), participant="ann")
    bob = tier("u", aligned("a2", "ts2", "ts5", "b"), aligned("a3", "ts3", "ts5", "c"))
    assert faults(of(tmp_path, ann, bob, wanted="*")) == [
        "no time",
        "overlaps another segment",
        "overlaps another segment",
    ]


def test_the_offset_of_the_media_is_added(tmp_path):
    media = MEDIA.format(name="x", relative="./tape 1.wav").replace("/>", ' TIME_ORIGIN="1500"/>')
    assert [fact[:2] for fact in facts(of(tmp_path, media=media))] == [(2.0, 3.5), (4.0, 5.75)]


@pytest.mark.parametrize(
    ("relative", "there"),
    [
        ("./media/tape.wav", "media/tape.wav"),
        ("media/a%20b.wav", "media/a b.wav"),
        ("../tapes/x.wav", "../tapes/x.wav"),
        ("file:///D:/far/away/y.wav", "y.wav"),
        ("..\\tapes\\z.wav", "../tapes/z.wav"),
        ("", "tape 1.flac"),
        ("./film.mp4", "tape 1.wav"),
    ],
)
def test_the_recording_is_found_by_its_relative_address_or_beside(relative, there, tmp_path):
    eaf(tmp_path / "own/notes", relative=relative)
    (tmp_path / "own/notes" / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "own/notes/film.mp4").touch()
    (tmp_path / "own/notes" / there).touch()
    paths = {clip.path.resolve() for clip in read("elan", tmp_path / "own")}
    assert paths == {(tmp_path / "own/notes" / there).resolve()}


@pytest.mark.parametrize("relative", ["../private/x.wav", "%2e%2e/private/x.wav", "link.wav"])
def test_a_recording_outside_of_the_folder_is_refused_by_name(relative, tmp_path):
    eaf(tmp_path / "own", relative=relative)
    (tmp_path / "private").mkdir()
    (tmp_path / "private/x.wav").touch()
    (tmp_path / "own/link.wav").symlink_to(tmp_path / "private/x.wav")
    with pytest.raises(CorpusError, match="tape 1.eaf: .* outside corpus.folder.*[Cc]opy it into"):
        read("elan", tmp_path / "own")


def test_absolute_addresses_are_never_followed(tmp_path):
    (tmp_path / "secret.wav").touch()
    address = (tmp_path / "secret.wav").as_uri()
    media = f'<MEDIA_DESCRIPTOR MEDIA_URL="{address}" RELATIVE_MEDIA_URL="{tmp_path}/secret.wav"/>'
    eaf(tmp_path / "own", media=media)
    assert {clip.path for clip in read("elan", tmp_path / "own")} == {
        tmp_path / "own/secret.wav"  # rejected as missing, by prepare_data
    }


LAUGHS = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
BOMB = f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>\n<ANNOTATION_DOCUMENT'
FILE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>\n<ANNOTATION_DOCUMENT'


@pytest.mark.parametrize("kind", [BOMB, FILE])
def test_no_entity_is_expanded(kind, tmp_path):
    told = damaged(
        tmp_path, lambda content: content.replace(b"<ANNOTATION_DOCUMENT", kind.encode())
    )
    assert told.startswith(", line 2: it defines an entity") and "root:" not in told


@pytest.mark.parametrize(
    ("old", "new", "at", "complaint"),
    [
        ('_ID="ts1"', '_ID="tsX"', "<ALIGNABLE", "there is no time slot ts1"),
        ('VALUE="500"', 'VALUE="1e3"', "1e3", "TIME_VALUE is '1e3', no milliseconds"),
        ('VALUE="500"', f'VALUE="{"9" * 5000}"', "999", f"TIME_VALUE is '{'9' * 20}', no"),
        ('TIER_ID="text"', "", "<TIER", "TIER has no TIER_ID"),
        ("</TIER>", "</TEAR>", "</TEAR>", "it is damaged (mismatched tag"),
        ('"UTF-8"', '"EBCDIC-9"', "<?xml", "it is "),
        ("Ẹ̀kọ́", b"caf\xe9", "caf", "it is damaged (not well-formed"),
        ("ANNOTATION_DOCUMENT", "html", "<html", "it is no ELAN file: its root is 'html'"),
    ],
)
def test_what_is_damaged_is_refused_with_its_line(old, new, at, complaint, tmp_path):
    new = new if isinstance(new, bytes) else new.encode()
    count = -1 if old == "ANNOTATION_DOCUMENT" else 1
    content = eaf(tmp_path).read_bytes().replace(old.encode(), new, count)
    told = damaged(tmp_path, lambda _: content)
    line = content[: content.index(at.encode())].count(b"\n") + 1
    assert told.startswith(f", line {line}: {complaint}"), told


def test_a_file_cut_anywhere_is_refused_with_its_line(tmp_path):
    content = eaf(tmp_path).read_bytes()
    for at in range(0, len(content) - 30, 97):
        told = damaged(tmp_path, lambda _, at=at: content[:at])
        assert "it is damaged" in told and told.startswith(", line ")


def test_references_in_a_circle_or_to_nothing_are_refused_with_their_line(tmp_path):
    circle = tier("c", referring("a1", "a2", "x"), referring("a2", "a1", "y"))
    assert "refers to itself" in refusal(tmp_path, circle)
    assert "line 19: there is no annotation a9" in refusal(
        tmp_path, tier("c", referring("a1", "a9", "x"))
    )


def test_a_file_too_large_for_an_annotation_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MAX_TEXT_BYTES", 1000)
    assert "tape 1.eaf has over" in refusal(tmp_path)


def test_the_stage_cuts_the_annotations_out_of_the_recording(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    project.params["corpus"] |= {"name": "elan"}
    spoken, samples = Eaf(), tape(62)
    spoken.remove_tier("default")
    spoken.add_tier("t")
    for i in range(20):
        spoken.add_annotation("t", 3000 * i, 3000 * i + 2000, f"text {i}")
    spoken.add_annotation("t", 61_000, 64_000, "beyond")
    spoken.to_file(project.own / "a.eaf")
    soundfile.write(project.own / "a.wav", samples, 16_000)
    corpus = project.run()
    assert project.report["rejects"] == {"beyond the end": 1}
    assert project.rejects["a.eaf/61.000-64.000"]["detail"] == "which is at 62.00 s"
    assert [u.text for u in corpus.utterances] == [f"text {i}" for i in range(20)]
    for i, utterance in enumerate(corpus.utterances):
        assert abs(corpus.wave(utterance) - samples[48_000 * i :][:32_000, 0]).max() < 1e-4
