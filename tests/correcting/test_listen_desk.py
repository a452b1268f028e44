"""What is saved, undone, refused, and found again after a kill."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
from served_page import log_of, table_of, write_own

from voicegraft.listening.desk import Desk, NothingError, StaleError
from voicegraft.listening.table import Table
from voicegraft.preparing.corpus import CorpusError


def by_name(desk):
    return {clip.name: clip for clip in desk.clips()}


def save(desk, name, **changes):
    clip = by_name(desk)[name]
    return desk.save(clip.key, clip.revision, changes)


def test_a_save_is_in_the_table_and_in_the_journal(folder):
    desk = Desk(folder)
    assert save(desk, "1.wav", text="jedna, dvě", speaker="bob").text == "jedna, dvě"
    assert table_of(folder)["1.wav"]["transcription"] == "jedna, dvě"
    assert table_of(folder)["1.wav"]["speaker"] == "bob"
    (entry,) = log_of(folder)
    assert (entry["action"], entry["clip"]) == ("correct", "1.wav")
    assert entry["before"] == {"transcription": "text 1", "speaker": "ann"}
    assert entry["after"] == {"transcription": "jedna, dvě", "speaker": "bob"}
    assert desk.done() == {("metadata.csv", "1.wav")}


def test_a_text_that_was_right_changes_nothing_but_is_done(folder):
    before = (folder / "metadata.csv").read_bytes()
    desk = Desk(folder)
    save(desk, "1.wav", text="text 1")
    assert (folder / "metadata.csv").read_bytes() == before
    assert [entry["action"] for entry in log_of(folder)] == ["confirm"]
    assert desk.done() == {("metadata.csv", "1.wav")}


def test_undo_goes_back_step_by_step_to_the_bytes_of_the_beginning(folder):
    before = (folder / "metadata.csv").read_bytes()
    desk = Desk(folder)
    save(desk, "1.wav", text="one")
    save(desk, "1.wav", text="two")
    save(desk, "2.wav", speaker="bob")
    assert Desk(folder).undo()[0].clip == "2.wav"  # also after a new start
    assert desk.undo()[1].text == "one"
    assert desk.undo()[1].text == "text 1"
    assert (folder / "metadata.csv").read_bytes() == before
    with pytest.raises(NothingError):
        desk.undo()
    assert len(log_of(folder)) == 6 and desk.done() == set()


def test_a_rejected_clip_is_named_with_its_reason_and_taken_back(folder):
    desk = Desk(folder)
    save(desk, "1.wav", reject="noise")
    assert table_of(folder)["1.wav"]["reject"] == "noise"
    assert table_of(folder)["2.wav"]["reject"] == ""
    assert save(desk, "1.wav", reject="").reject == ""
    assert [entry["action"] for entry in log_of(folder)] == ["reject", "correct"]


def test_what_another_hand_has_changed_is_not_overwritten(folder):
    one, other = Desk(folder), Desk(folder)
    seen = by_name(one)["1.wav"]
    save(other, "1.wav", text="of the other")
    with pytest.raises(StaleError):
        one.save(seen.key, seen.revision, {"text": "mine"})
    assert table_of(folder)["1.wav"]["transcription"] == "of the other"
    table = folder / "metadata.csv"
    table.write_text(table.read_text().replace("of the other", "by an editor"))
    with pytest.raises(StaleError):
        other.undo()
    assert table_of(folder)["1.wav"]["transcription"] == "by an editor"


def test_a_column_that_another_save_adds_makes_no_other_clip_stale(folder):
    desk = Desk(folder)
    seen = by_name(desk)["2.wav"]
    save(desk, "1.wav", reject="noise")
    assert desk.save(seen.key, seen.revision, {"text": "new"}).text == "new"


def test_a_text_is_one_line_and_keeps_its_script(folder):
    text = "  می‌خواهم\n\tẹ̀kọ́ \u2028 नमस्ते "
    saved = save(Desk(folder), "1.wav", text=text).text
    assert saved == "می‌خواهم  ẹ̀kọ́   नमस्ते"
    assert table_of(folder)["1.wav"]["transcription"] == saved


@pytest.mark.parametrize("column", ["text", "sentence", "label"])
def test_the_column_with_the_text_keeps_its_name(column, tmp_path):
    own = write_own(tmp_path / "own", header=f"file_name,{column},speaker_id")
    save(Desk(own), "1.wav", text="new", speaker="bob")
    assert table_of(own)["1.wav"] == {"file_name": "1.wav", column: "new", "speaker_id": "bob"}


def test_a_clip_that_had_no_text_is_no_more_unlabelled(tmp_path):
    rows = [("", "unlabelled"), ("", "Unlabeled"), ("x", "test")]
    own = write_own(tmp_path / "own", header="file_name,transcription,split", rows=rows)
    desk = Desk(own)
    save(desk, "0.wav", text="now known")
    save(desk, "2.wav", text="better")
    assert [row["split"] for row in table_of(own).values()] == ["", "Unlabeled", "test"]
    desk.undo(), desk.undo()
    assert [row["split"] for row in table_of(own).values()] == ["unlabelled", "Unlabeled", "test"]


def test_common_voice_is_corrected_in_its_own_table(tmp_path):
    (tmp_path / "clips").mkdir()
    text = 'client_id\tpath\tsentence\nx\ta.mp3\t"Ano"\n'
    (tmp_path / "validated.tsv").write_text(text)
    desk = Desk(tmp_path)
    save(desk, "clips/a.mp3", text='"Ne"')
    assert (tmp_path / "validated.tsv").read_text() == text.replace("Ano", "Ne")
    assert desk.undo()[1].text == '"Ano"'
    with pytest.raises(CorpusError, match="would hide its tables"):
        desk.record(tmp_path / "b.wav", "x", "")


def test_of_two_lines_for_a_file_the_first_is_the_clip(folder):
    with open(folder / "metadata.csv", "a") as file:
        file.write("1.wav,again,bob\n")
    desk = Desk(folder)
    assert len(desk.clips()) == 6
    save(desk, "1.wav", text="new")
    assert (folder / "metadata.csv").read_text().endswith("1.wav,again,bob\n")


def killed_before_the_table(folder, action):
    """Leave what a kill between journal and table leaves."""

    def die(_table):
        raise KeyboardInterrupt

    writes, Table.write = Table.write, die
    try:
        with pytest.raises(KeyboardInterrupt):
            action(Desk(folder))
    finally:
        Table.write = writes


def test_what_the_journal_has_and_the_table_lacks_is_carried_out_at_the_next_start(folder):
    killed_before_the_table(folder, lambda desk: save(desk, "1.wav", text="saved"))
    assert table_of(folder)["1.wav"]["transcription"] == "text 1"
    desk = Desk(folder)
    assert table_of(folder)["1.wav"]["transcription"] == "saved"
    killed_before_the_table(folder, lambda desk: desk.undo())
    assert table_of(folder)["1.wav"]["transcription"] == "saved"
    assert by_name(Desk(folder))["1.wav"].text == "text 1"
    assert by_name(desk)["1.wav"].text == "text 1"
    assert len(log_of(folder)) == 2


def test_a_table_that_somebody_brought_back_is_left_as_it_is(folder):
    save(Desk(folder), "1.wav", text="saved")
    old = (folder / "metadata.csv").read_text().replace("saved", "older")
    (folder / "metadata.csv").write_text(old)
    Desk(folder)
    assert (folder / "metadata.csv").read_text() == old


def test_a_journal_whose_last_line_was_cut_goes_on(folder):
    desk = Desk(folder)
    save(desk, "1.wav", text="one")
    journal = folder / "corrections.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[: len(whole) // 2])
    desk = Desk(folder)
    save(desk, "2.wav", text="two")
    assert desk.undo()[0].clip == "2.wav"
    assert desk.undo()[0].clip == "1.wav"
    assert len(json.dumps(Desk(folder).journal.entries[0].after)) > 2


MANY = """
import sys
from pathlib import Path
from voicegraft.listening.desk import Desk
desk = Desk(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(100_000):
    for clip in desk.clips():
        desk.save(clip.key, clip.revision, {"text": f"{clip.name} {number} " + "x" * 5_000})
"""


def test_a_kill_in_the_middle_leaves_the_old_table_or_the_new_one(folder):
    for turn in range(3):
        command = [sys.executable, "-c", MANY, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(0.15 + 0.07 * turn)
            process.send_signal(signal.SIGKILL)
        desk = Desk(folder)  # carries out what is lacking
        last = {e.clip: e.after["transcription"] for e in desk.journal.entries}
        assert last and {name: clip.text for name, clip in by_name(desk).items()} == last
        assert len(desk.journal.entries) > 6 * turn


FIFTY = """
import sys
from pathlib import Path
from voicegraft.listening.desk import Desk
desk = Desk(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(50):
    clip = next(clip for clip in desk.clips() if clip.name == sys.argv[2])
    desk.save(clip.key, clip.revision, {"text": f"{clip.name} {number}"})
"""


def test_two_processes_that_save_at_once_lose_nothing(folder):
    names, pipes = ["1.wav", "2.wav"], {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = [
        subprocess.Popen([sys.executable, "-c", FIFTY, folder, name], **pipes) for name in names
    ]
    for process in started:
        process.stdout.readline()
    for process in started:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert [table_of(folder)[name]["transcription"] for name in names] == ["1.wav 49", "2.wav 49"]
    saved = [entry["after"]["transcription"] for entry in log_of(folder)]
    assert sorted(saved) == sorted(f"{name} {number}" for name in names for number in range(50))


def test_a_table_that_others_link_to_is_not_written_into(folder):
    held = folder.parent / "cache"
    shutil.move(folder / "metadata.csv", held)
    (folder / "metadata.csv").symlink_to(held)
    before = held.read_bytes()
    save(Desk(folder), "1.wav", text="new")
    assert held.read_bytes() == before
    assert table_of(folder)["1.wav"]["transcription"] == "new"


def test_a_folder_that_is_not_there_or_no_corpus_is_said(tmp_path, folder):
    with pytest.raises(CorpusError, match="is not a folder"):
        Desk(tmp_path / "none")
    (folder / "metadata.csv").write_text("name,text\na.wav,x\n")
    with pytest.raises(CorpusError, match="has no column file_name or path"):
        Desk(folder)
