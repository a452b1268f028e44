import csv
import inspect
import json
import os
import unicodedata
from pathlib import Path

import pytest
from annotated import (
    make_elan,
    make_huggingface_dataset,
    make_jsonl,
    make_kaldi,
    make_librispeech,
    make_subtitles,
    make_textgrid,
    make_voxforge,
)
from debs import write_deb
from reproduced import begin_dvc, dvc

from voicegraft import corpora
from voicegraft.checking.recognition import recognise
from voicegraft.corpora.fillets import read_dialogs
from voicegraft.preparing.corpus import CorpusError, CorpusSection, load_corpus
from voicegraft.speech.manifest import SPLITS

NAMES = sorted(p.stem for p in Path(corpora.__file__).parent.glob("*.py") if p.stem != "__init__")
GAME = "./usr/share/games/fillets-ng"


def section(name, language="cs", mirror=""):
    return CorpusSection(name=name, language=language, folder="", mirror=mirror)


def clips(name, folder, **changes):
    source = section(name, **changes)
    return list(load_corpus(name).clips(folder, folder.parent / "downloads", source))


def table(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_fillets(folder):
    """Two packages as Debian has them, with invented lines."""
    lines = {
        "reef/dialogs_cs": 'dialogId("m-a", "font_small", "x")\n'
        'dialogStr("Šup -- \\"sem\\" \\\\o/")',
        "reef/brief_dialogs_cs": '-- dialogId("m-no", "f", "")\n'
        'dialogId("v-b","font_big","") dialogStr(\n"Ano")',
        "rush/dialogs_cs": 'dialogId("m-c", "font_small", "")\ndialogStr("Ne")',
        "share/bore_dialogs_cs": 'dialogId("z-d", "font_both", "")\ndialogStr("Oj")',
        "gods/dialogs_cs": 'dialogId("n-1", "", "")\ndialogStr("")\n'
        'dialogId("n-2", "font_cyan", "")\ndialogStr("B%1.")\n'
        'dialogId("n-3", "font_crab", "")\ndialogStr("Да, ano")',
        "gods/dialogs_nl": 'dialogId("n-1", "font_big", "")\ndialogStr("een")',
    }
    scripts = {f"{GAME}/script/{name}.lua": text.encode() for name, text in lines.items()}
    names = ["gods/cs/n-1", "gods/cs/n-2", "gods/cs/n-3", "reef/cs/m-a", "reef/cs/m-lost"]
    names += ["reef/cs/v-b", "rush/cs/m-c", "share/borejokes/cs/z-d"]
    sounds = {f"{GAME}/sound/{name}.ogg": name.encode() for name in names}
    folder.mkdir(parents=True)
    write_deb(folder / "fillets-ng-data_1.0_all.deb", scripts)
    write_deb(folder / "fillets-ng-data-cs_1.0_all.deb", sounds)


def make_folder(folder):
    table(
        folder / "metadata.csv",
        "file_name,transcription,speaker,session,split",
        "a/ẹ̀ kọ́.wav,Ẹ̀kọ́,ann,monday,train",
        'b.wav,"one, two",bob,,validation',
        "c.wav,,,,",
        "b.wav,again,bob,,test",
    )


def make_gcin_voice(folder):
    """A package as Debian has it: syllables by folder, voices by file."""
    names = ["ㄅㄚ/3", "ㄅㄚ/5", "ㄅㄚ4/3", "ㄇㄚ1/5"]
    folder.mkdir(parents=True)
    sounds = {f"./usr/share/gcin-voice/ogg/{name}.ogg": name.encode() for name in names}
    write_deb(folder / "gcin-voice_0_all.deb", sounds)


MAKERS = {"fillets": make_fillets, "folder": make_folder, "gcin_voice": make_gcin_voice}
MAKERS |= {"elan": make_elan, "subtitles": make_subtitles, "textgrid": make_textgrid}
MAKERS |= {"jsonl": make_jsonl, "kaldi": make_kaldi}
MAKERS |= {"librispeech": make_librispeech, "voxforge": make_voxforge}
MAKERS |= {"huggingface_dataset": make_huggingface_dataset}


@pytest.mark.parametrize("name", NAMES)
def test_a_plug_in_has_its_one_function(name):
    plugin = load_corpus(name)
    assert list(inspect.signature(plugin.clips).parameters) == ["folder", "downloads", "corpus"]
    assert plugin.__doc__ and plugin.clips.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_clips_come_twice_the_same_with_their_own_ids(name, tmp_path):
    MAKERS[name](tmp_path / "own")
    first, second = (clips(name, tmp_path / "own") for _ in range(2))
    assert first == second
    sound = [clip for clip in first if not clip.problem]
    assert len({clip.id for clip in sound}) == len(sound) > 1
    assert {clip.split for clip in first} <= {"", *SPLITS}
    assert not any(Path(clip.id).is_absolute() for clip in first)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_not_there_is_an_error_of_the_users(name, tmp_path):
    with pytest.raises(ValueError, match="corpus"):
        clips(name, tmp_path / "no such folder", mirror="file:///nowhere")


def test_an_unknown_corpus_is_answered_with_those_there_are():
    with pytest.raises(CorpusError, match="'filets'; here are: elan, fillets, folder"):
        load_corpus("filets")
    with pytest.raises(CorpusError):
        load_corpus("../folder")


def test_fillets_pairs_each_sound_with_its_line_and_role(tmp_path):
    make_fillets(tmp_path / "own")
    by_id = {clip.id: clip for clip in clips("fillets", tmp_path / "own")}
    good = {i: (c.text, c.speaker, c.session) for i, c in by_id.items() if not c.problem}
    assert good == {
        "gods/n-1": ("", "", "gods"),  # no text: rejected later, as in every corpus
        "reef/m-a": ('Šup -- "sem" \\o/', "small", "reef"),
        "reef/v-b": ("Ano", "big", "reef"),
        "rush/m-c": ("Ne", "small-2", "rush"),
    }
    assert {i: c.problem for i, c in by_id.items() if c.problem} == {
        "gods/n-2": "placeholder in text",
        "gods/n-3": "mixed languages",
        "reef/m-lost": "no transcript",
        "share/borejokes/z-d": "two voices at once",
    }
    assert by_id["reef/v-b"].path.read_bytes() == b"reef/cs/v-b"


def test_the_second_cast_of_fillets_is_for_training_and_all_others_are_left_to_be_dealt(tmp_path):
    make_fillets(tmp_path / "own")
    by_id = {clip.id: clip.split for clip in clips("fillets", tmp_path / "own")}
    assert by_id.pop("rush/m-c") == "train"
    assert set(by_id.values()) == {""}


def test_fillets_refuses_a_language_it_lacks(tmp_path):
    with pytest.raises(CorpusError, match="corpus.language: fillets has cs, nl, not eo"):
        clips("fillets", tmp_path, language="eo")


def test_a_dialog_is_read_as_lua_reads_it():
    lua = r"""
    -- dialogId("no", "no", "no") dialogStr("no")
    dialogId ( "a", "font_big", "say \"hi\" -- (it)" ) -- dialogStr("no")
    dialogStr( "back\\slash -- and \"quotes\"" )
    dialogId("b", "font_small", "left alone")
    dialogId("c", "", "")
    dialogStr("")
    """
    assert list(read_dialogs(lua)) == [
        ("a", "font_big", 'back\\slash -- and "quotes"'),
        ("c", "", ""),
    ]


def test_gcin_voice_parts_a_folders_name_into_syllable_and_tone(tmp_path):
    make_gcin_voice(tmp_path / "own")
    found = clips("gcin_voice", tmp_path / "own")
    assert [(c.id, c.text, c.label, c.speaker) for c in found if not c.problem] == [
        ("ㄅㄚ/3", "ㄅㄚ", "tone 1", "voice 3"),
        ("ㄅㄚ/5", "ㄅㄚ", "tone 1", "voice 5"),
        ("ㄅㄚ4/3", "ㄅㄚ", "tone 4", "voice 3"),
    ]
    assert [(c.id, c.problem) for c in found if c.problem] == [("ㄇㄚ1/5", "neutral tone")]


def test_an_audio_folder_may_have_labels_and_no_transcripts(tmp_path):
    table(tmp_path / "own/metadata.csv", "file_name,label,speaker", "a.wav,yes,ann")
    (clip,) = clips("folder", tmp_path / "own")
    assert (clip.label, clip.text, clip.speaker) == ("yes", "", "ann")


def test_an_audio_folder_gives_all_its_columns(tmp_path):
    make_folder(tmp_path / "own")
    first, second, empty, twice = clips("folder", tmp_path / "own")
    assert first.path == tmp_path / "own/a/ẹ̀ kọ́.wav"
    assert (first.id, first.text, first.speaker) == ("a/ẹ̀ kọ́.wav", "Ẹ̀kọ́", "ann")
    assert (first.session, first.split) == ("monday", "train")
    assert (second.text, second.session, second.split) == ("one, two", "", "dev")
    assert (empty.text, empty.speaker, empty.split, empty.problem) == ("", "", "", "")
    assert twice.problem == "listed twice"


@pytest.mark.parametrize("column", ["transcription", "text", "sentence"])
def test_two_columns_are_enough_and_a_byte_order_mark_is_no_letter(column, tmp_path):
    table(tmp_path / "own/metadata.csv", f"\ufefffile_name,{column}", "a.wav,ahoj")
    (clip,) = clips("folder", tmp_path / "own")
    assert (clip.text, clip.speaker, clip.split) == ("ahoj", "", "")


def test_a_table_in_each_splits_folder_names_the_split(tmp_path):
    for side in ("train", "validation"):
        table(tmp_path / "own" / side / "metadata.csv", "file_name,text", "a.wav,x")
    found = {c.id: (c.path, c.split) for c in clips("folder", tmp_path / "own")}
    assert found == {
        "train/a.wav": (tmp_path / "own/train/a.wav", "train"),
        "validation/a.wav": (tmp_path / "own/validation/a.wav", "dev"),
    }


def test_what_is_unlabelled_needs_no_text_and_in_its_own_folder_no_table(tmp_path):
    own = tmp_path / "own"
    table(own / "metadata.csv", "file_name,text,split", "a.wav,x,train", "b.wav,,Unlabeled")
    for name in ("unlabelled/monday/2.wav", "unlabelled/1.wav", "unlabelled/.hidden"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).touch()
    found = [(c.id, c.path, c.text, c.split) for c in clips("folder", own)][1:]
    assert found == [
        (name, own / name, "", "unlabelled")
        for name in ("b.wav", "unlabelled/1.wav", "unlabelled/monday/2.wav")
    ]
    table(own / "unlabelled/metadata.csv", "file_name,speaker", "1.wav,ann")
    assert [(c.id, c.speaker) for c in clips("folder", own)][2:] == [("unlabelled/1.wav", "ann")]


def test_a_line_of_an_audio_folder_may_be_a_segment_or_be_rejected(tmp_path):
    table(
        tmp_path / "own/metadata.csv",
        "file_name,start,end,transcription,reject",
        "talk.wav,0.5,2.25,one,",
        "talk.wav,2.25,2.25,two,",
        "talk.wav,3,4,three,wrong text",
        "a.wav,,,four,",
        "b.wav,,,five,noise",
    )
    found = clips("folder", tmp_path / "own")
    assert [(c.id, c.start, c.end, c.problem) for c in found] == [
        ("talk.wav/0.500-2.250", 0.5, 2.25, ""),
        ("talk.wav/2.250-2.250", 2.25, 2.25, "no length"),
        ("talk.wav/3.000-4.000", 3.0, 4.0, "rejected by ear: wrong text"),
        ("a.wav", 0.0, None, ""),
        ("b.wav", 0.0, None, "rejected by ear: noise"),
    ]


def test_a_time_that_is_none_is_refused_with_its_table_and_file(tmp_path):
    table(tmp_path / "own/metadata.csv", "file_name,start,end,text", "a.wav,0,soon,x")
    with pytest.raises(CorpusError, match="metadata.csv: a.wav: 'soon' is no time in seconds"):
        clips("folder", tmp_path / "own")


@pytest.fixture
def elsewhere(tmp_path):
    """A recording that is in no corpus."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private/diary.wav").touch()
    return tmp_path / "private/diary.wav"


@pytest.mark.parametrize(
    "name", ["../private/diary.wav", "{elsewhere}", "a/../../private/diary.wav"]
)
def test_a_recording_outside_of_the_folder_is_refused_by_name(name, elsewhere, tmp_path):
    name = name.format(elsewhere=elsewhere)
    table(tmp_path / "own/metadata.csv", "file_name,text", "a.wav,x", f"{name},y")
    with pytest.raises(CorpusError, match="outside corpus.folder.*[Cc]opy it into") as caught:
        clips("folder", tmp_path / "own")
    assert name in str(caught.value) and "metadata.csv" in str(caught.value)


def test_names_that_no_file_can_have_are_left_to_be_rejected(tmp_path):
    names = ["a\0.wav", "n" * 300, ""]
    table(tmp_path / "metadata.csv", "file_name,text", *(f"{name},x" for name in names))
    assert [c.path.name for c in clips("folder", tmp_path)][:2] == names[:2]


@pytest.mark.parametrize("link", ["a.wav", "unlabelled/a.wav", "train"])
def test_a_link_out_of_the_folder_is_refused_by_name(link, elsewhere, tmp_path):
    own = tmp_path / "own"
    table(own / "metadata.csv", "file_name,text", "a.wav,x", "train/diary.wav,y")
    (own / "unlabelled").mkdir()
    (own / link).symlink_to(elsewhere.parent if link == "train" else elsewhere)
    with pytest.raises(CorpusError, match=f"{link}.* outside corpus.folder"):
        clips("folder", own)


def test_common_voice_reads_no_file_outside_of_its_folder(elsewhere, tmp_path):
    line = f"me\t{elsewhere}\tx"
    table(tmp_path / "own/validated.tsv", "client_id\tpath\tsentence", line)
    with pytest.raises(CorpusError, match=r"validated.tsv: .*diary.wav .* outside corpus.folder"):
        clips("folder", tmp_path / "own")


def test_links_that_dvc_itself_makes_are_followed(tmp_path):
    table(tmp_path / "own/metadata.csv", "file_name,text", "a.wav,x")
    (tmp_path / "own/a.wav").write_text("a recording")
    begin_dvc(tmp_path, "no_scm = true\n[cache]\ntype = symlink")
    dvc(tmp_path, "add", "own")
    assert (tmp_path / "own/a.wav").is_symlink()
    assert [c.path for c in clips("folder", tmp_path / "own")] == [tmp_path / "own/a.wav"]


def test_names_and_links_that_stay_in_the_folder_are_followed(tmp_path):
    (tmp_path / "disk/clips").mkdir(parents=True)
    (tmp_path / "disk/clips/a.wav").touch()
    (tmp_path / "own").symlink_to("disk")
    own = tmp_path / "own"
    (own / "b.wav").symlink_to("clips/a.wav")
    (own / "train").mkdir()
    names = ["b.wav", "train/../clips/a.wav", f"{own}/clips/a.wav"]
    table(own / "metadata.csv", "file_name,text", *(f"{name},x" for name in names))
    found = clips("folder", own)
    assert [c.id for c in found] == ["b.wav", "clips/a.wav", "clips/a.wav"]
    assert [c.problem for c in found] == ["", "", "listed twice"]
    assert all(c.path.is_file() for c in found)


ODD_NAMES = [
    "a b",
    "it's",
    '"q"',
    "$(touch pwned)",
    "`id`; x & y",
    "řeč ẹ̀kọ́ 語",
    "[a-z]*?",
    "-rf",
    "#%20",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_folder_and_its_recordings_may_have_any_name(name, tmp_path):
    own = tmp_path / name
    (own / "unlabelled" / name).mkdir(parents=True)
    for file in (own / f"{name}.wav", own / "unlabelled" / name / f"{name}.wav"):
        file.touch()
    with open(own / "metadata.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("file_name", "text"), (f"{name}.wav", "x")])
    found = clips("folder", own)
    assert [c.id for c in found] == [f"{name}.wav", f"unlabelled/{name}/{name}.wav"]
    assert all(c.path.is_file() for c in found)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_packages_are_unpacked_from_and_to_folders_of_any_name(name, tmp_path):
    for corpus in ("fillets", "gcin_voice"):
        MAKERS[corpus](tmp_path / name / corpus)
        found = [c for c in clips(corpus, tmp_path / name / corpus) if not c.problem]
        assert found and all(c.path.read_bytes() for c in found)


def test_a_name_that_is_not_utf8_is_found_and_has_an_id_that_is(tmp_path):
    own = tmp_path / "own"
    (own / "unlabelled").mkdir(parents=True)
    for name in (b"caf\xe9.wav", b"unlabelled/\xff.wav"):
        (own / os.fsdecode(name)).touch()
    (own / "metadata.csv").write_bytes(b"file_name,text\n" + b"caf\xe9.wav,\xc5\x99\n")
    found = clips("folder", own)
    assert [c.id for c in found] == [r"caf\xe9.wav", r"unlabelled/\xff.wav"]
    assert found[0].text == "ř"
    assert all(c.path.is_file() for c in found)


def test_a_text_that_is_not_utf8_is_refused_with_its_line(tmp_path):
    (tmp_path / "metadata.csv").write_bytes(b"file_name,text\na.wav,x\nb.wav,caf\xe9\n")
    with pytest.raises(CorpusError, match="metadata.csv.*UTF-8: line 3, column text.*iconv"):
        clips("folder", tmp_path)


@pytest.mark.parametrize(("written", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_an_accent_is_found_in_either_of_its_spellings(written, stored, tmp_path):
    (tmp_path / f"{unicodedata.normalize(stored, 'řeč/é')}.wav").parent.mkdir()
    (tmp_path / f"{unicodedata.normalize(stored, 'řeč/é')}.wav").touch()
    name = f"{unicodedata.normalize(written, 'řeč/é')}.wav"
    table(tmp_path / "metadata.csv", "file_name,text", f"{name},x")
    (clip,) = clips("folder", tmp_path)
    assert clip.path.is_file() and clip.id == name


def test_common_voice_keeps_its_splits_and_its_quotation_marks(tmp_path):
    header = "client_id\tpath\tsentence\tup_votes"
    for side in ("train", "dev", "test"):
        table(tmp_path / f"own/{side}.tsv", header, f'me\t{side}.mp3\t"Ano, řekl.\t2')
    table(tmp_path / "own/validated.tsv", header, "me\tother.mp3\tx\t2")
    found = clips("folder", tmp_path / "own")
    assert [c.split for c in found] == ["train", "dev", "test"]
    assert (found[0].text, found[0].speaker) == ('"Ano, řekl.', "me")
    assert found[0].path == tmp_path / "own/clips/train.mp3"


def test_common_voice_without_splits_leaves_them_open(tmp_path):
    table(tmp_path / "own/validated.tsv", "client_id\tpath\tsentence", "me\ta.mp3\tx")
    assert [clip.split for clip in clips("folder", tmp_path / "own")] == [""]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            ["file_name,words", "a.wav,x"],
            "no column transcription .* or label; .* words",
        ),
        (["audio,text", "a.wav,x"], "no column file_name or path; its columns: audio, text"),
        ([""], "no column file_name"),
        (["file_name,text,split", "a.wav,x,trian"], "split 'trian' is unknown; known: train"),
    ],
)
def test_a_table_that_does_not_fit_is_named_with_what_is_wanted(lines, complaint, tmp_path):
    table(tmp_path / "own/metadata.csv", *lines)
    with pytest.raises(CorpusError, match=f"metadata.csv.*{complaint}"):
        clips("folder", tmp_path / "own")


def test_a_table_in_another_encoding_is_named(tmp_path):
    (tmp_path / "metadata.csv").write_bytes("file_name,text\na.wav,ř".encode("utf-16"))
    with pytest.raises(CorpusError, match="metadata.csv.*UTF-8"):
        clips("folder", tmp_path)


def test_a_folder_of_neither_kind_says_what_is_looked_for(tmp_path):
    (tmp_path / "notes.json").write_text(json.dumps({}))
    with pytest.raises(CorpusError, match="metadata.csv.*train.tsv"):
        clips("folder", tmp_path)


OF_A_USER = [name for name in NAMES if hasattr(load_corpus(name), "FILES")]


def test_a_plug_in_that_fetches_its_corpus_names_no_files_and_each_other_does():
    assert set(NAMES) - set(OF_A_USER) == {"fillets", "gcin_voice"}


@pytest.mark.parametrize("name", OF_A_USER)
def test_a_folder_of_a_users_own_is_recognised_by_its_files(name, tmp_path):
    MAKERS[name](tmp_path / "own")
    found = recognise(tmp_path / "own", tmp_path / "downloads")
    assert found.section.name == name
    assert found.clips == clips(name, tmp_path / "own")
    assert found.others == []
