"""A table keeps every byte but those of the lines that are changed."""

import csv
import io

import pytest

from voicegraft.listening.table import Table, TableError

ODD = (
    "\ufefffile_name,note,transcription,speaker\r\n"
    'a.wav,"kept, as it is",one,ann\r\n'
    "\r\n"
    'b.wav,"two\r\nlines",  two  ,"ann"\r\n'
    "c.wav,'x','three'\r\n"
    "caf\udce9.wav,,čtyři,bob"
)


def table(text, path, name="metadata.csv"):
    return Table(path / name, text.encode("utf-8", "surrogateescape"))


def rows(table):
    return list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig", "replace"))))


def test_what_is_read_is_written_byte_by_byte(tmp_path):
    assert table(ODD, tmp_path).content == ODD.encode("utf-8", "surrogateescape")


def test_a_line_that_is_changed_leaves_all_others_as_they_were(tmp_path):
    changed = table(ODD, tmp_path)
    index = dict((row["file_name"], i) for i, row in changed.rows())["b.wav"]
    changed.change(index, {"transcription": 'ř, "ž"'})
    wanted = ODD.replace('  two  ,"ann"', '"ř, ""ž""",ann')
    assert changed.content == wanted.encode("utf-8", "surrogateescape")


def test_a_column_that_is_lacking_is_added_to_every_line(tmp_path):
    changed = table(ODD, tmp_path)
    changed.change(0, {"reject": "noise"})
    assert [row["reject"] for row in rows(changed)] == ["noise", "", "", ""]
    assert [row["speaker"] for row in rows(changed)] == ["ann", "ann", "", "bob"]
    assert [row["note"] for row in rows(changed)][:2] == ["kept, as it is", "two\r\nlines"]
    assert not any(None in row or None in row.values() for row in rows(changed))


def test_a_line_is_put_behind_one_that_has_no_end(tmp_path):
    longer = table(ODD, tmp_path)
    longer.insert(len(longer.lines), {"file_name": "d.wav", "transcription": "pět"})
    assert longer.content == (ODD + "\r\nd.wav,,pět,\r\n").encode("utf-8", "surrogateescape")


def test_a_cell_without_a_column_is_not_given_the_name_of_a_new_one(tmp_path):
    sloppy = table("file_name,text\na.wav,one, two\nb.wav,three\n", tmp_path)
    sloppy.change(1, {"text": "four"})
    assert sloppy.content == b"file_name,text\na.wav,one, two\nb.wav,four\n"
    with pytest.raises(TableError, match="3 cells, and the header 2: 'a.wav,one, two'"):
        sloppy.change(1, {"reject": "noise"})
    assert sloppy.content == b"file_name,text\na.wav,one, two\nb.wav,four\n"


def test_quotation_marks_of_common_voice_are_letters(tmp_path):
    text = 'client_id\tpath\tsentence\nx\ta.mp3\t"Ano" řekl\ny\tb.mp3\tNe\n'
    release = table(text, tmp_path, "validated.tsv")
    assert release.row(0)["sentence"] == '"Ano" řekl'
    release.change(1, {"sentence": '"Ne", řekl'})
    assert release.content == text.replace("\tNe\n", '\t"Ne", řekl\n').encode()
    with pytest.raises(TableError, match="has no place in a cell"):
        release.change(1, {"sentence": "a\tb"})


def test_after_an_error_the_file_is_the_old_one(tmp_path):
    (tmp_path / "metadata.csv").write_bytes(b"file_name,text\na.wav,one\n")
    changed = Table(tmp_path / "metadata.csv", b"file_name,text\na.wav,one\n")
    changed.change(0, {"text": "\ud800"})
    with pytest.raises(UnicodeEncodeError):
        changed.write()
    assert (tmp_path / "metadata.csv").read_bytes() == b"file_name,text\na.wav,one\n"
    assert [file.name for file in tmp_path.iterdir()] == ["metadata.csv"]
