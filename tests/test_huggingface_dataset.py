"""The corpus huggingface_dataset: tables of Parquet with their sounds, and what is refused."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from annotated import DATASET, SOUND, dataset, facts, faults, read, sound_file, sounding

from voicegraft.preparing import parquet
from voicegraft.preparing.corpus import CorpusError
from voicegraft.preparing.parquet import audio_in_tables
from voicegraft.speech.audio import AudioError, read_audio


def of(tmp_path, *rows, **how):
    dataset(tmp_path, *rows, **how)
    return read("huggingface_dataset", tmp_path)


def refusal(tmp_path, *rows, **how):
    with pytest.raises(CorpusError) as caught:
        of(tmp_path, *rows, **how)
    return str(caught.value)


def schema(*columns):
    return pa.schema(columns)


def test_texts_speakers_and_names_of_classes_are_as_datasets_wrote_them(tmp_path):
    first, second = of(
        tmp_path, sounding(b"x", "Ẹ̀kọ́", "a.wav", speaker_id=7, label=1), sounding(b"y", None)
    )
    assert first.id == "data/train-00000-of-00001.parquet/0"
    assert (first.text, first.speaker, first.label, first.split) == ("Ẹ̀kọ́", "7", "yes", "train")
    assert (second.text, second.speaker, second.label, second.row) == ("", "", "", 1)


def test_a_class_that_has_no_name_is_refused_by_its_row(tmp_path):
    told = refusal(tmp_path, sounding(b"x", "a", label=0), sounding(b"x", "b", label=2))
    assert "train-00000-of-00001.parquet, row 1: 2 is none of the 2 classes" in told


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("validation-00000-of-00001.parquet", "dev"),
        ("yo/test/0000.parquet", "test"),
        ("latest.parquet", ""),
    ],
)
def test_a_word_in_the_path_is_the_split(name, split, tmp_path):
    assert [c.split for c in of(tmp_path, sounding(b"x", "a"), name=name)] == [split]


def test_sounds_in_a_table_are_decoded_as_their_files_are(tmp_path):
    kinds = ("WAV", "FLAC", "OGG", "MP3")
    files = [sound_file(1 + n / 4, n, kind, 22_050) for n, kind in enumerate(kinds)]
    found = of(tmp_path, *(sounding(f, "a") for f in files), row_group_size=3)
    for wave, content, kind in zip(audio_in_tables(found, 30), files, kinds, strict=True):
        file = tmp_path / f"alone.{kind.lower()}"
        file.write_bytes(content)
        assert np.array_equal(wave, read_audio(file))


def test_a_step_back_in_a_table_reads_it_once_more(tmp_path):
    rows = [sounding(sound_file(seconds, kind="WAV"), "a") for seconds in (0.5, 1, 1.5)]
    a, b, c = of(tmp_path, *rows)
    lengths = [len(wave) for wave in audio_in_tables([c, a, a, b], 30)]
    assert lengths == [24_000, 8_000, 8_000, 16_000]


def test_sounds_that_are_none_are_rejected_each_with_its_reason(tmp_path):
    whole = sound_file(2, kind="WAV")
    contents = [b"", b"x" * 99, whole[:20_000], sound_file(3), whole]
    found = of(tmp_path, *(sounding(content, "a") for content in contents))
    *faulty, sound = audio_in_tables(found, 2.5)
    assert [fault.reason for fault in faulty] == ["empty", "undecodable", "truncated", "too long"]
    assert not isinstance(sound, AudioError) and len(sound) == 32_000


@pytest.mark.parametrize("statistics", [True, False])
def test_a_row_without_the_sound_names_a_file_of_the_folder(statistics, tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("data/near.wav", "far.wav"):
        (tmp_path / name).touch()
    rows = (sounding(*of) for of in [(None, "a", "near.wav"), (b"x", "b", "near.wav")])
    more = (sounding(*of) for of in [(None, "c", "far.wav"), (None, "d")])
    found = of(tmp_path, *rows, *more, write_statistics=statistics)
    assert [c.path.name for c in found[:3]] == ["near.wav", found[1].path.name, "far.wav"]
    assert [c.row for c in found] == [None, 1, None, None]
    assert faults(found) == ["no recording"]


def test_a_sound_outside_of_the_folder_is_refused_by_its_row(tmp_path):
    (tmp_path / "diary.wav").touch()
    rows = [sounding(b"x", "a"), sounding(None, "b", f"{tmp_path}/diary.wav")]
    dataset(tmp_path / "own", *rows)
    with pytest.raises(CorpusError, match="row 1: .*diary.wav is outside corpus.folder"):
        read("huggingface_dataset", tmp_path / "own")


@pytest.mark.parametrize("name", ["text", "sentence", "transcript"])
def test_columns_are_found_by_their_names(name, tmp_path):
    own = schema(("voice", SOUND), (name, pa.large_string()), ("client_id", pa.string()))
    row = {"voice": {"bytes": b"x", "path": None}, name: "a", "client_id": "ann"}
    assert facts(of(tmp_path, row, schema=own)) == [(0.0, None, "a", "ann")]


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (DATASET.remove(1).remove(2), "no column transcription or .* label; its columns: audio"),
        (DATASET.remove(0), "0 columns of sounds .* its columns: transcription, speaker_id"),
        (schema(("a", SOUND), ("b", SOUND), ("text", pa.string())), "2 columns of sounds"),
    ],
)
def test_a_table_that_does_not_fit_is_named_with_its_columns(own, told, tmp_path):
    with pytest.raises(CorpusError, match=f"train-00000-of-00001.parquet has {told}"):
        of(tmp_path, schema=own)


def test_damaged_tables_are_refused_by_name(tmp_path):
    path = dataset(tmp_path, *(sounding(b"x" * 5_000, f"{n}") for n in range(9)))
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[:-9], whole[: len(whole) // 2], b"<html>" + whole[6:-6]):
        path.write_bytes(content)
        with pytest.raises(CorpusError, match="00001.parquet.*: it is no whole table of Parquet"):
            read("huggingface_dataset", tmp_path)


def test_a_page_of_sounds_that_is_damaged_stops_with_the_name_of_the_table(tmp_path):
    rows = [sounding(sound_file(1, n, "WAV"), "a") for n in range(3)]
    path = dataset(tmp_path, *rows, use_dictionary=False)
    found = read("huggingface_dataset", tmp_path)
    whole = path.read_bytes()
    path.write_bytes(
        whole[:4] + b"\xff" * 64 + whole[68:]
    )  # the first page, behind the magic number
    with pytest.raises(CorpusError, match="00001.parquet, after 0 rows: it is no whole table"):
        list(audio_in_tables(found, 30))


def test_texts_in_another_encoding_are_refused_by_name(tmp_path):
    path = dataset(tmp_path, sounding(b"x", "řeč"), compression="none")
    mistaken = "řeč".encode("cp1250").ljust(len("řeč".encode()))
    path.write_bytes(path.read_bytes().replace("řeč".encode(), mistaken))
    with pytest.raises(CorpusError, match="00001.parquet, after 0 rows: .*utf-8"):
        read("huggingface_dataset", tmp_path)


def test_a_table_that_claims_to_unpack_to_very_much_is_refused(tmp_path):
    told = refusal(tmp_path, sounding(b"\0" * 20_000_000, "a"), compression="zstd")
    assert "bytes and claims 20" in told


def test_texts_are_read_without_their_sounds_and_these_a_few_at_a_time(tmp_path, monkeypatch):
    asked = []
    read_columns = parquet.Table._read

    def watched(table, columns, rows, groups=None):
        asked.append((columns, rows))
        return read_columns(table, columns, rows, groups)

    monkeypatch.setattr(parquet.Table, "_read", watched)
    found = of(tmp_path, sounding(b"x", "a"))
    assert asked == [(["transcription", "speaker_id", "label", "audio.path"], parquet.ROWS)]
    list(audio_in_tables(found, 30))
    assert asked[1:] == [(["audio.bytes"], parquet.SOUNDS)]


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    dataset(tmp_path, sounding(b"x", "a"))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(CorpusError, match=r"pip install -e '.\[parquet\]'"):
        read("huggingface_dataset", tmp_path)


def test_the_plug_in_itself_needs_no_pyarrow():
    code = Path(parquet.__file__).read_text(encoding="utf-8")
    assert "\nimport pyarrow" not in code and "\nfrom pyarrow" not in code
