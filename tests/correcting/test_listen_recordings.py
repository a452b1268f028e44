"""Long recordings: what a model writes of them, corrected segment by segment, and exported."""

import csv
import json

import numpy as np
import pytest
import soundfile
from invented import model as tiny_model
from served_page import RATE, running, session_of, tone

from voicegraft.corpora import folder as plugin
from voicegraft.inference.transcriber import Segment, Transcriber, Transcript, Word
from voicegraft.listening.segmented import corrected, open_desk, rows_of
from voicegraft.listening.session import Session
from voicegraft.listening.writings import Writings, kept_in, write
from voicegraft.model.saved import save_model

TEXTS = ["ahoj svete", "jak se máš", "dobre"]


def transcript(_recording):
    """Return three segments of two seconds, whose words take half a second each."""
    segments = []
    for number, text in enumerate(TEXTS):
        begin = 2.0 * number
        words = [
            Word(begin + 0.5 * i, begin + 0.5 * i + 0.4, word, 0.9 - 0.3 * number)
            for i, word in enumerate(text.split())
        ]
        segments.append(Segment(begin, begin + 2.0, text, words))
    return Transcript(segments, " ".join(TEXTS), 6.0, "")


@pytest.fixture
def talk(tmp_path):
    """A recording of three tones, of two seconds each."""
    (tmp_path / "tapes").mkdir()
    wave = np.concatenate([tone(pitch, 2.0) for pitch in (300, 600, 900)])
    soundfile.write(tmp_path / "tapes/talk.wav", wave, RATE)
    return tmp_path / "tapes/talk.wav"


@pytest.fixture
def client(talk):
    with running(Session(open_desk(talk, transcript))) as client:
        yield client


def rows(talk):
    with open(talk.parent / "metadata.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_recording_is_transcribed_into_lines_that_nothing_learns_from_yet(talk):
    open_desk(talk, transcript)
    assert [(r["start"], r["end"], r["written"]) for r in rows(talk)] == [
        ("0.000", "2.000", "ahoj svete"),
        ("2.000", "4.000", "jak se máš"),
        ("4.000", "6.000", "dobre"),
    ]
    clips = list(plugin.clips(talk.parent, talk.parent, None))
    assert [(c.text, c.split, c.session) for c in clips] == [("", "unlabelled", "talk")] * 3
    assert [(c.start, c.end) for c in clips] == [(0, 2), (2, 4), (4, 6)]


def test_a_recording_is_transcribed_once(talk):
    open_desk(talk, transcript)
    before = (talk.parent / "metadata.csv").read_bytes()
    desk = open_desk(talk, None)
    assert len(desk.clips()) == 3
    assert (talk.parent / "metadata.csv").read_bytes() == before


def test_without_a_model_there_is_nothing_to_correct(talk, tmp_path):
    for source in (talk, talk.parent):
        with pytest.raises(ValueError, match="talk.wav has no text yet: name a model"):
            open_desk(source, None)
    with pytest.raises(ValueError, match="none.wav: there is no such"):
        open_desk(tmp_path / "none.wav", None)


def test_recordings_of_a_folder_are_all_transcribed_and_one_can_be_asked_for(talk):
    other = talk.with_name("other.wav")
    soundfile.write(other, tone(300, 6.0), RATE)
    assert len(open_desk(talk.parent, transcript).clips()) == 6
    desk = open_desk(other, None)
    assert {clip.path.name for clip in desk.clips()} == {"other.wav"}


def test_segments_are_corrected_one_by_one_and_learnt_from(client, talk):
    first, second, third = client.clips()
    assert first["segment"] and first["text"] == "" and first["written"] == "ahoj svete"
    client.save(first, text="Ahoj, světe")
    client.save(second, reject="two voices")
    clips = list(plugin.clips(talk.parent, talk.parent, None))
    assert [(c.text, c.split, c.problem) for c in clips] == [
        ("Ahoj, světe", "", ""),
        ("", "unlabelled", "rejected by ear: two voices"),
        ("", "unlabelled", ""),
    ]
    client.post("api/undo"), client.post("api/undo")
    assert {row["split"] for row in rows(talk)} == {"unlabelled"}


def test_a_segment_sounds_as_its_part_of_the_recording(client):
    for number, clip in enumerate(client.clips()):
        answer = client.get(f"api/clips/{clip['key']}/sound")
        samples = np.frombuffer(answer.content[44:], "<i2").astype(float)
        assert len(samples) == 2 * RATE
        loudest = np.argmax(np.abs(np.fft.rfft(samples))) / 2
        assert loudest == pytest.approx(300 * (number + 1), abs=1)


def exported(client, form):
    answer = client.post("api/export", {"key": client.clips()[0]["key"], "form": form})
    assert answer.status == 200, answer.content
    return json.loads(answer.content)["file"]


SUFFIXES = {"text": ".txt", "json": ".json", "jsonl": ".jsonl", "tsv": ".tsv", "srt": ".srt"}
SUFFIXES |= {"vtt": ".vtt", "textgrid": ".TextGrid", "eaf": ".eaf"}


@pytest.mark.parametrize("form", SUFFIXES)
def test_a_corrected_recording_is_exported_beside_it(client, talk, form):
    first, second, _ = client.clips()
    client.save(first, text="Ahoj, světe")
    client.save(second, reject="noise")
    assert exported(client, form) == str(talk.with_name(f"talk.corrected{SUFFIXES[form]}"))
    text = talk.with_name(f"talk.corrected{SUFFIXES[form]}").read_text(encoding="utf-8")
    assert "světe" in text and "dobre" in text
    assert "svete" not in text and "máš" not in text


def test_an_unknown_format_and_a_clip_that_is_no_segment_are_refused(client, folder):
    key = client.clips()[0]["key"]
    assert client.post("api/export", {"key": key, "form": "../x"}).status == 422
    with running(session_of(folder)) as other:
        key = other.clips()[0]["key"]
        answer = other.post("api/export", {"key": key, "form": "srt"})
        assert answer.status == 422 and b"no segment of a recording" in answer.content


def test_a_word_that_was_right_keeps_its_time_and_others_share_what_is_left(talk):
    desk = open_desk(talk, transcript)
    clip = desk.clips()[1]  # jak se máš, at 2.0, 2.5 and 3.0
    desk.save(clip.key, clip.revision, {"text": "jak se vůbec tu máš"})
    second = corrected(desk.clips()).segments[1]
    assert [(w.text, w.start_seconds, w.end_seconds) for w in second.words] == [
        ("jak", 2.0, 2.4),
        ("se", 2.5, 2.9),
        ("vůbec", 2.9, pytest.approx(2.9 + 0.1 * 5 / 7)),
        ("tu", pytest.approx(2.9 + 0.1 * 5 / 7), pytest.approx(3.0)),
        ("máš", 3.0, 3.4),
    ]


def test_a_segment_of_another_text_altogether_takes_its_whole_time(talk):
    desk = open_desk(talk, transcript)
    clip = desk.clips()[2]
    desk.save(clip.key, clip.revision, {"text": "nic z toho"})
    last = corrected(desk.clips()).segments[2]
    assert (last.words[0].start_seconds, last.words[-1].end_seconds) == (4.0, pytest.approx(6.0))


def test_the_surest_segment_comes_last(client):
    assert [clip["certainty"] for clip in client.clips("uncertain")] == [0.3, 0.6, 0.9]


def test_a_page_exports_by_a_button(client, talk, opened):
    page = opened(client)
    page.select_option("#form", "srt")
    page.click("#export")
    page.wait_for_selector("#status:has-text('talk.corrected.srt')")
    assert talk.with_name("talk.corrected.srt").is_file()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_model(tiny_model(seed=2, letters=" abč"), folder)
    return folder


def test_a_model_writes_of_a_clip_what_transcribe_writes(model, talk):
    transcriber = Transcriber(model)
    desk = open_desk(talk, transcriber)
    whole = transcriber(talk)
    assert [r["written"] for r in rows(talk)] == [s.text for s in whole.segments]
    assert rows_of(whole, "talk")[0]["start"] == "0.000"
    samples = soundfile.read(talk, dtype="int16")[0]
    writing = write(transcriber, samples)
    assert writing.text == whole.text
    assert 0 < writing.certainty < 1
    assert write(transcriber, np.zeros(RATE, np.int16)).text == ""
    assert desk.clips()


def test_clips_are_written_in_the_background_and_kept_for_the_next_start(model, folder, tmp_path):
    kept = kept_in(tmp_path / "kept", model)
    session, loaded = session_of(folder, order="uncertain"), []

    def load():
        loaded.append(True)
        return Transcriber(model)

    for _ in range(2):
        session.writings = Writings(kept)
        session.writings.start(session.desk.clips(), folder, load)
        session.writings._thread and session.writings._thread.join(60)
        assert len(session.writings.found) == 6 and session.writings.left == 0
    assert loaded == [True]
    certainties = [clip["certainty"] for clip in session.all("uncertain")["clips"]]
    assert certainties == sorted(certainties)


def test_a_model_that_cannot_be_loaded_is_said_on_the_page(folder, tmp_path):
    session = session_of(folder)
    session.writings.start(session.desk.clips(), folder, lambda: Transcriber(tmp_path / "none"))
    session.writings._thread.join(60)
    assert "none" in session.all("given")["trouble"]
