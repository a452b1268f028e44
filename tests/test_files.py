import signal
import subprocess
import sys

import pytest
from invented import model

from voicegraft.model.saved import save_model
from voicegraft.pipeline.files import whole, whole_apart


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "output.json"
    path.write_text("old")
    return path


def test_a_file_is_replaced_once_it_is_whole(path):
    with whole(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_or_a_stop_leaves_the_old_file_and_nothing_beside_it(path, error):
    with pytest.raises(error), whole(path) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_of_a_full_disk_has_the_name_of_the_file(path):
    (path.parent / "output.json.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match=rf"No space left on device: '{path}'"):
        with whole(path) as partial:
            partial.write_text("new")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


KILLED = """
import os, signal, sys, threading, time
import torch
from safetensors.torch import save_file
from pathlib import Path
from voicegraft.pipeline.files import whole_apart
def kill():
    while not list(Path(sys.argv[1]).parent.rglob(".tmp*")):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=kill, daemon=True).start()
with whole_apart(Path(sys.argv[1])) as partial:
    save_file({str(k): torch.zeros(10_000_000) for k in range(5)}, partial)
"""


def test_what_a_kill_leaves_of_a_writer_with_files_of_its_own_goes_with_the_next_write(tmp_path):
    path = tmp_path / "model.safetensors"
    killed = subprocess.run([sys.executable, "-c", KILLED, path])
    assert killed.returncode == -signal.SIGKILL
    assert list(tmp_path.rglob(".tmp*")) and not path.exists()
    save_model(model(), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_a_writer_apart_replaces_a_file_once_it_is_whole_and_leaves_nothing_beside_it(path):
    with pytest.raises(KeyError), whole_apart(path) as partial:
        partial.write_text("half")
        raise KeyError
    assert path.read_text() == "old"
    with whole_apart(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]
