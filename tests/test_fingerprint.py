"""The name of a run: what changes it, and what does not."""

import os
import shutil
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import torch

import voicegraft
from voicegraft.training.compute import Compute
from voicegraft.training.scratch import LIBRARIES, fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "input").mkdir()
    (tmp_path / "input/file").write_text("one")
    return tmp_path / "input"


def test_another_knob_is_another_run():
    on_cpu = Compute(accelerator="cpu", devices=1, precision="32-true")
    names = [{"lr": 1}, {"lr": 2}, {"lr": on_cpu}, {"lr": on_cpu.model_copy(update={"devices": 2})}]
    assert len(set(map(fingerprint, names))) == 4


def test_files_are_read_by_content_and_not_by_size_and_time(folder):
    first, times = fingerprint({"read": folder}), os.stat(folder / "file")
    (folder / "file").write_text("two")
    os.utime(folder / "file", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert fingerprint({"read": folder}) != first
    (folder / "file").write_text("one")
    os.utime(folder / "file", (1, 1))
    assert fingerprint({"read": folder}) == first


def test_a_copy_elsewhere_has_the_same_name_and_a_renamed_file_has_not(folder, tmp_path):
    first = fingerprint({"read": folder})
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert fingerprint({"read": tmp_path / "elsewhere"}) == first
    (folder / "file").rename(folder / "other")
    assert fingerprint({"read": folder}) != first


def test_one_file_can_be_read_and_what_is_not_there_cannot(folder):
    first = fingerprint({"read": folder / "file"})
    (folder / "file").write_text("two")
    assert fingerprint({"read": folder / "file"}) != first
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fingerprint({"read": folder / "nowhere"})


def test_every_clip_is_in_the_name_with_its_text(corpus):
    clips = corpus.of("train")
    relabelled = [replace(clips[0], text="řřř"), *clips[1:]]
    assert len({fingerprint({"clips": some}) for some in (clips, clips[1:], relabelled)}) == 3


@pytest.mark.parametrize("library", LIBRARIES)
def test_another_version_of_a_library_is_another_run(library, monkeypatch):
    first, version = fingerprint({}), metadata.version
    monkeypatch.setattr(
        "voicegraft.training.scratch.version",
        lambda name: "0.1" if name == library else version(name),
    )
    assert fingerprint({}) != first


def test_changed_code_of_voicegraft_is_another_run(tmp_path, monkeypatch):
    first = fingerprint({})
    copy = shutil.copytree(Path(voicegraft.__file__).parent, tmp_path / "voicegraft")
    monkeypatch.setattr(voicegraft, "__file__", str(copy / "__init__.py"))
    assert fingerprint({}) == first
    with open(copy / "ctc.py", "a") as file:
        file.write("\n")
    assert fingerprint({}) != first


def test_another_processor_is_another_run_for_auto_looks_at_it(monkeypatch):
    first = fingerprint({})
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "ABACUS")
    assert fingerprint({}) != first


def test_what_has_no_known_content_is_refused():
    with pytest.raises(TypeError, match="its content is not known"):
        fingerprint({"corpus": object()})
