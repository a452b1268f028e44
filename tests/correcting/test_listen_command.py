"""`voicegraft listen` as a process: it starts, ends on Ctrl-C at once, and survives a kill."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import soundfile
from browsing import DESKTOP
from invented import model as tiny_model
from served_page import RATE, Client, log_of, table_of, tone, write_own
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.model.saved import save_model

ADDRESS = r"http://127\.0\.0\.1:\d+/[\w-]{32}/\n"


@contextmanager
def started(folder, *options):
    command = [sys.executable, "-m", "voicegraft.cli", "listen", str(folder), *map(str, options)]
    own = os.environ | {"PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder.parent, env=own, **pipes) as process:
        try:
            line = process.stdout.readline()
            assert re.fullmatch(ADDRESS, line), process.stderr.read()
            yield process, Client(line.strip())
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_within_a_second_though_a_page_is_open(folder, number):
    with started(folder) as (process, client):
        assert len(client.clips()) == 6
        began = time.monotonic()
        process.send_signal(number)
        process.wait(10)
        assert time.monotonic() - began < 1
        assert "Traceback" not in process.stderr.read()
        assert process.returncode in (0, -signal.SIGTERM)


def test_what_was_saved_before_a_kill_is_there_and_can_be_undone_after(folder, opened):
    with started(folder) as (process, client):
        page = opened(client, DESKTOP)
        page.keyboard.press("Enter")
        page.keyboard.press("Control+a")
        page.keyboard.type("saved before the kill")
        page.keyboard.press("Enter")
        page.wait_for_selector("#name:has-text('1.wav')")
        process.kill()
        process.wait(10)
    assert table_of(folder)["0.wav"]["transcription"] == "saved before the kill"
    with started(folder) as (_, client):
        assert [clip["done"] for clip in client.clips()] == [True] + [False] * 5
        assert client.post("api/undo").status == 200
    assert table_of(folder)["0.wav"]["transcription"] == "text 0"
    assert [entry["action"] for entry in log_of(folder)] == ["correct", "undo"]


def test_a_model_writes_of_clips_and_of_a_recording_and_a_stop_does_not_wait_for_it(tmp_path):
    own = write_own(tmp_path / "own")
    save_model(tiny_model(seed=2, letters=" abč"), tmp_path / "model")
    with started(own, "--model", tmp_path / "model") as (process, client):
        for _ in range(100):
            if all(clip["written"] is not None for clip in client.clips()):
                break
            time.sleep(0.1)
        assert all(0 < clip["certainty"] < 1 for clip in client.clips())
        process.send_signal(signal.SIGINT)
        process.wait(10)
        assert process.returncode == 0
    assert len(list((tmp_path / ".voicegraft/listening").glob("*.jsonl"))) == 1
    soundfile.write(tmp_path / "talk.wav", tone(400, 20.0), RATE)
    talk = tmp_path / "talk.wav"
    with started(talk, "--model", tmp_path / "model") as (_, client):
        assert [clip["segment"] for clip in client.clips()] == [True] * len(client.clips())
    assert table_of(tmp_path)["talk.wav"]["split"] == "unlabelled"


def test_the_page_is_there_without_torch_which_takes_seconds_to_import():
    script = "import sys, voicegraft.listening.server; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def refused(*arguments):
    done = CliRunner().invoke(app, ["listen", *map(str, arguments)])
    assert done.exit_code == 1 and done.stdout == ""
    assert done.stderr.startswith("voicegraft: ") and "Traceback" not in done.stderr
    return done.stderr


def test_what_cannot_be_listened_to_is_said_in_a_line(folder, tmp_path):
    assert "no such folder or recording" in refused(tmp_path / "none")
    assert "none" in refused(folder, "--model", tmp_path / "none")
    (folder / "metadata.csv").write_text("text\nx\n")
    assert "has no column file_name or path" in refused(folder)


def test_a_port_that_is_taken_is_said(folder):
    with started(folder) as (_, client):
        assert "in use" in refused(folder, "--port", client.host.split(":")[1])


def test_without_its_extra_the_command_names_it(folder, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("voicegraft.listening")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "pip install 'voicegraft[listen]'" in refused(folder)
