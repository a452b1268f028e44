"""Sentences read into Chromium's own microphone, which beeps; and what is kept of them."""

import time

import pytest
import soundfile
from browsing import PHONE
from served_page import running, session_of, table_of, write_own
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.listening.session import read_prompts
from voicegraft.preparing.corpus import CorpusError

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
PROMPTS = ["Ẹ káàárọ̀, ṣé dáadáa ni?", "صباح الخير", "Třetí věta."]


@pytest.fixture
def client(folder):
    with running(session_of(folder, prompts=PROMPTS)) as client:
        yield client


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def record(page, key="Space", milliseconds=1300):
    press(page, key)
    expect(page.locator("#start")).to_have_text("Stop")
    page.wait_for_timeout(milliseconds)
    press(page, "Space")
    expect(page.locator("#start")).to_have_text("Record again")


def test_sentences_are_recorded_by_the_keyboard_alone(client, folder, opened):
    page = opened(client)
    press(page, "m")
    for number, prompt in enumerate(PROMPTS):
        expect(page.locator("#prompt-place")).to_have_text(f"Sentence {number + 1} of 3")
        assert page.locator("#prompt").input_value() == prompt
        record(page)
        press(page, "Enter")
        expect(page.locator("#count")).to_contain_text(f"of {7 + number} done")
    kept = {name: row for name, row in table_of(folder).items() if name.startswith("recorded/")}
    assert [row["transcription"] for row in kept.values()] == PROMPTS
    for name in kept:
        about = soundfile.info(folder / name)
        assert (about.samplerate, about.channels, about.subtype) == (16_000, 1, "PCM_16")
        assert 1 < about.duration < 3
    assert page.wrongs == []


def test_a_level_is_shown_while_it_records(client, opened):
    page = opened(client)
    press(page, "m", "Space")
    levels = []
    until = time.monotonic() + 10
    # Chromium's microphone beeps once a second.
    while time.monotonic() < until and not (levels and min(levels) < -30 < max(levels)):
        levels.append(page.locator("#level").evaluate("(meter) => meter.value"))
        page.wait_for_timeout(20)
    assert min(levels) < -30 < max(levels)
    press(page, "Space")
    expect(page.locator("#level")).to_have_js_property("value", -60)


def test_a_recording_can_be_heard_and_made_again_before_it_is_kept(client, folder, opened):
    page = opened(client)
    press(page, "m")
    record(page)
    press(page, "h")
    record(page, "r")
    assert not (folder / "recorded").exists()
    page.click("#keep")
    expect(page.locator("#prompt-place")).to_have_text("Sentence 2 of 3")
    assert len(list((folder / "recorded").glob("*.wav"))) == 1


def test_undo_takes_a_recording_back_and_its_file(client, folder, opened):
    before = (folder / "metadata.csv").read_bytes()
    page = opened(client)
    press(page, "m")
    record(page)
    page.click("#keep")
    expect(page.locator("#count")).to_contain_text("of 7 done")
    page.click("#undo")
    expect(page.locator("#count")).to_contain_text("of 6 done")
    assert (folder / "metadata.csv").read_bytes() == before
    assert list((folder / "recorded").iterdir()) == []


def test_sentences_that_are_recorded_are_passed_over(client, folder, opened):
    with open(folder / "metadata.csv", "a", encoding="utf-8") as file:
        file.write(f'x.wav,"{PROMPTS[0]}",ann\n')
    page = opened(client)
    press(page, "m")
    assert page.locator("#prompt").input_value() == PROMPTS[1]


def test_without_prompts_a_sentence_is_typed_and_an_empty_folder_becomes_a_corpus(tmp_path, opened):
    (tmp_path / "empty").mkdir()
    with running(session_of(tmp_path / "empty")) as client:
        page = opened(client, PHONE)
        expect(page.locator("#record")).to_be_visible()
        record(page)
        page.click("#keep")
        expect(page.locator("#alert")).to_contain_text("there is no sentence")
        page.fill("#prompt", "Co jsem řekl")
        page.fill("#own-speaker", "já")
        page.click("#keep")
        expect(page.locator("#count")).to_contain_text("1 of 1 done")
    (row,) = table_of(tmp_path / "empty").values()
    assert (row["transcription"], row["speaker"]) == ("Co jsem řekl", "já")


def test_a_microphone_that_is_denied_is_said(client, opened, chromium):
    context = chromium.new_context()
    context.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new Error('denied') }"
    )
    page = opened(client, context=context)
    press(page, "m", "Space")
    expect(page.locator("#alert")).to_have_text("the microphone cannot be used: denied")
    expect(page.locator("#start")).to_have_text("Record")


def test_prompts_are_lines_of_a_text_file(tmp_path):
    (tmp_path / "prompts.txt").write_text("\ufeff první\n\n druhá \nprvní\n", encoding="utf-8")
    assert read_prompts(tmp_path / "prompts.txt") == ["první", "druhá"]
    (tmp_path / "prompts.txt").write_text("\n \n")
    with pytest.raises(ValueError, match="prompts.txt has no sentence"):
        read_prompts(tmp_path / "prompts.txt")
    (tmp_path / "prompts.txt").write_bytes(b"a\nv\xectn\xfd\n")
    with pytest.raises(CorpusError, match="prompts.txt, line 2: it is not UTF-8"):
        read_prompts(tmp_path / "prompts.txt")


def test_a_list_of_prompts_that_is_not_there_ends_the_command(tmp_path):
    own = write_own(tmp_path / "own")
    done = CliRunner().invoke(app, ["listen", str(own), "--prompts", str(tmp_path / "none.txt")])
    assert done.exit_code == 1 and "none.txt" in done.stderr
