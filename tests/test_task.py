"""Which pipeline a task belongs to."""

import shutil
from pathlib import Path

import pytest

from voicegraft.pipeline.params import TASKS, ParamsError, load_task

ROOT = Path(__file__).parent.parent
FOLDERS = {"transcription": "", "classification": "words"}


def pipeline(folder, of, task):
    """Copy the pipeline for a task, whose knob says another or the same."""
    shutil.copy(ROOT / FOLDERS[of] / "dvc.yaml", folder)
    text = (ROOT / FOLDERS[of] / "params.yaml").read_text(encoding="utf-8")
    assert f"\ntask: {of}\n" in text
    path = folder / "params.yaml"
    path.write_text(text.replace(f"\ntask: {of}\n", f"\ntask: {task}\n"), encoding="utf-8")
    return path


@pytest.mark.parametrize("task", TASKS)
def test_a_pipeline_has_the_task_that_its_params_name(tmp_path, task):
    assert load_task(pipeline(tmp_path, task, task)) == task


def test_classes_are_sent_from_the_root_to_words_by_key_and_value(tmp_path):
    wanted = r"task must be transcription here, not 'classification': .* in words/: `cd words"
    with pytest.raises(ParamsError, match=wanted):
        load_task(pipeline(tmp_path, "transcription", "classification"))


def test_texts_are_sent_from_words_to_the_root_by_key_and_value(tmp_path):
    wanted = r"task must be classification here, not 'transcription': .* root: `cd \.\."
    with pytest.raises(ParamsError, match=wanted):
        load_task(pipeline(tmp_path, "classification", "transcription"))


def test_without_a_pipeline_beside_it_params_may_name_either(tmp_path):
    for task in TASKS:
        (tmp_path / "params.yaml").write_text(f"task: {task}\n")
        assert load_task(tmp_path / "params.yaml") == task


def test_a_task_that_nothing_learns_is_refused_with_those_there_are(tmp_path):
    (tmp_path / "params.yaml").write_text("task: translation\n")
    with pytest.raises(ParamsError, match="transcription or classification, not 'translation'"):
        load_task(tmp_path / "params.yaml")
