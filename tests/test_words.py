"""A true `dvc repro` of the pipeline for classes: who of the two main voices speaks?"""

import csv
import json
import shutil
from pathlib import Path

import pytest
import stage_runs
from fetched import DOWNLOADS
from reproduced import begin, copy_code, dvc, output_on_a_recording, ran

from voicegraft.preparing.corpus import CorpusSection, load_corpus

SIDES = {"train": 20, "dev": 6, "test": 10}
"""Clips of each voice."""
STUDIES = ["studies/dvc.yaml:explore", "studies/dvc.yaml:few_shot"]

pytestmark = pytest.mark.slow


def write_voices(folder: Path) -> None:
    """Write short Czech clips of two voices, labelled by whose they are."""
    section = CorpusSection(name="fillets", language="cs", folder=str(folder), mirror="")
    everything = load_corpus("fillets").clips(folder, DOWNLOADS, section)
    sides = [side for side, count in SIDES.items() for _ in range(count)]
    short = [c for c in everything if not c.problem and 5 < len(c.text) < 25]
    with open(folder / "metadata.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "label", "split"])
        for voice in ("small", "big"):
            own = [clip for clip in short if clip.speaker == voice]
            for number, (side, clip) in enumerate(zip(sides, own, strict=False)):
                name = f"{voice}{number}{clip.path.suffix}"
                shutil.copyfile(clip.path, folder / name)
                table.writerow([name, f"{voice} fish", side])


def write_params(folder: Path) -> None:
    params = stage_runs.params_of("words")
    params["corpus"]["name"] = "folder"
    params["finetune"]["recipes"] = ["full"]
    params["finetune"]["full"] |= {"epochs": 1, "speeds": []}
    params["transfer"]["controls"] = ["log_mel"]
    params["leave_classes_out"]["folds"] = 3
    stage_runs.write_params(folder, params)


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    """The folder words/ of a copy of the project, reproduced once."""
    folder = tmp_path_factory.mktemp("project")
    copy_code(folder, "words/")
    write_voices(folder / "words/data/own")
    write_params(folder / "words")
    begin(folder, "words/")
    output = dvc(folder / "words", "repro", "dvc.yaml", *STUDIES)
    made = {"train_head", "finetune@full", "evaluate_finetuned@full", *STUDIES}
    assert made <= set(ran(output))
    return folder / "words"


@pytest.mark.parametrize("model", ["head", "full"])
def test_two_voices_are_distinguished(words: Path, model: str) -> None:
    test = json.loads((words / "evaluation" / model / "rates.json").read_text())["test"]
    assert test["clips"] == 2 * SIDES["test"]
    assert 0.8 < test["accuracy"] <= test["accuracy_high"]


def test_every_model_is_judged_against_the_control_by_its_error_rate(words: Path) -> None:
    verdicts = json.loads((words / "evaluation/transfer.json").read_text())
    assert sorted(verdicts) == ["full", "head"]
    assert "error_rate" in verdicts["head"]["comparisons"][0]


def test_a_second_repro_runs_nothing(words: Path) -> None:
    assert ran(dvc(words, "repro", "dvc.yaml", *STUDIES)) == []


def test_two_classes_are_too_few_to_leave_one_out(words: Path) -> None:
    done = stage_runs.run("leave_classes_out", "data/corpus data/embeddings out.csv", words)
    assert done.returncode == 0, done.stderr
    assert "2 classes are too few for 3 folds" in done.stdout


def test_the_model_alone_classifies_a_recording(words: Path, tmp_path: Path) -> None:
    assert "fish 0." in output_on_a_recording(words, tmp_path, "classify", "small0.ogg")
