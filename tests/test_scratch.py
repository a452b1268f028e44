"""What runs keep between two starts of a stage: whole or not at all, and removed once it is old."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from voicegraft.training.scratch import CHECKPOINT, LOCK, RESULT, keep, recall, tidied

TENSORS = {
    "weights": torch.arange(6.0).reshape(2, 3),
    "step": torch.tensor(3.0),
    "half": torch.ones(3, dtype=torch.bfloat16),
}
VALUES = {"best": float("inf"), "history": [{"step": 1, "loss": 0.1}]}


def test_what_is_kept_is_recalled_as_it_was(tmp_path):
    keep(tmp_path / "run" / RESULT, TENSORS, VALUES)
    tensors, values = recall(tmp_path / "run" / RESULT)
    assert values == VALUES
    assert tensors.keys() == TENSORS.keys()
    assert all(
        torch.equal(tensors[n], t) and tensors[n].dtype == t.dtype for n, t in TENSORS.items()
    )


def test_where_nothing_is_kept_nothing_is_recalled_or_printed(tmp_path, capsys):
    assert recall(tmp_path / RESULT) is None
    assert not capsys.readouterr().err


@pytest.mark.parametrize("tensors", [TENSORS, {}])
def test_a_file_that_ends_early_or_has_one_wrong_bit_is_named_in_one_line(
    tmp_path, capsys, tensors
):
    file = tmp_path / RESULT
    keep(file, tensors, VALUES)
    whole = file.read_bytes()
    torn = [whole[:end] for end in range(0, len(whole), 7)]
    torn += [whole[:i] + bytes([whole[i] ^ 4]) + whole[i + 1 :] for i in range(0, len(whole), 3)]
    for content in torn:
        file.write_bytes(content)
        recalled = recall(file)
        printed = capsys.readouterr().err
        if recalled is None:
            assert printed == f"{file} is damaged: what it kept is done anew\n"
        else:  # a bit of the layout that nothing depends on
            assert recalled[1] == VALUES
            assert all(torch.equal(recalled[0][name], tensors[name]) for name in tensors)


def test_a_write_that_fails_leaves_the_old_file_and_names_the_new(tmp_path):
    keep(tmp_path / RESULT, TENSORS, VALUES)
    code = (
        "import resource, torch; from pathlib import Path\n"
        "from voicegraft.training.scratch import keep\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"keep(Path({str(tmp_path / RESULT)!r}), {{'big': torch.ones(9999)}}, {{}})"
    )
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"OSError: {tmp_path / RESULT}" in failed.stderr
    assert [path.name for path in tmp_path.iterdir()] == [RESULT]
    assert recall(tmp_path / RESULT)[1] == VALUES


def test_many_that_keep_the_same_at_once_leave_it_whole(tmp_path):
    file, errors = tmp_path / "run" / CHECKPOINT, []

    def write(number: int) -> None:
        try:
            for _ in range(20):
                keep(file, {"weights": torch.full((5000,), float(number))}, {"by": number})
                tensors, values = recall(file)
                assert set(tensors["weights"].tolist()) == {float(values["by"])}
        except BaseException as error:  # of a thread
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [path.name for path in file.parent.iterdir()] == [CHECKPOINT]


def left(folder: Path) -> list[str]:
    found = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return sorted(name for name in found if name != LOCK)


def old_and_new(scratch: Path) -> None:
    """Leave what a killed run, an old run and one in use leave, and what is none of ours."""
    for name in ("killed", "old", "used"):
        keep(scratch / name / (CHECKPOINT if name == "killed" else RESULT), {}, {})
        (scratch / name / f"{RESULT}x1y2.part").write_text("half")
        (scratch / name / f"{RESULT}x3y4.part").mkdir()
        (scratch / name / f"{RESULT}x3y4.part" / ".tmpAbCdEf").write_text("half")
    (scratch / "old" / "thesis.tex").write_text("")
    (scratch / "thesis.tex").write_text("")


def test_what_older_runs_left_is_removed_once_a_stage_is_done_and_nothing_else(tmp_path):
    old_and_new(tmp_path)
    with tidied(tmp_path) as used:
        used.add("used")
        assert len(left(tmp_path)) == 11
    assert left(tmp_path) == ["old/thesis.tex", "thesis.tex", f"used/{RESULT}"]
    assert not (tmp_path / "killed").exists()


def test_nothing_is_removed_where_a_stage_fails(tmp_path):
    old_and_new(tmp_path)
    before = left(tmp_path)
    with pytest.raises(KeyError), tidied(tmp_path):
        raise KeyError
    assert left(tmp_path) == before


def test_nothing_is_removed_under_another_that_is_at_work_and_the_last_one_does_it(tmp_path):
    old_and_new(tmp_path)
    with tidied(tmp_path) as used:
        used.add("used")
        before = left(tmp_path)
        with tidied(tmp_path):
            pass
        assert left(tmp_path) == before
    assert left(tmp_path) == ["old/thesis.tex", "thesis.tex", f"used/{RESULT}"]


def test_a_killed_process_does_not_keep_others_from_tidying(tmp_path):
    code = (
        "import os; from pathlib import Path; from voicegraft.training.scratch import tidied\n"
        f"with tidied(Path({str(tmp_path)!r})): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    old_and_new(tmp_path)
    with tidied(tmp_path):
        pass
    assert left(tmp_path) == ["old/thesis.tex", "thesis.tex"]


def test_of_processes_that_train_together_the_first_alone_tidies(tmp_path, monkeypatch):
    old_and_new(tmp_path)
    monkeypatch.setenv("LOCAL_RANK", "1")
    before = left(tmp_path)
    with tidied(tmp_path):
        pass
    assert left(tmp_path) == before


def test_where_there_are_no_locks_a_stage_runs_and_nothing_is_removed(tmp_path, monkeypatch):
    def refused(*_: object) -> None:
        raise OSError(os.strerror(38))

    monkeypatch.setattr(fcntl, "flock", refused)
    old_and_new(tmp_path)
    before = left(tmp_path)
    with tidied(tmp_path):
        pass
    assert left(tmp_path) == before
