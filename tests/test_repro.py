"""One true `dvc repro`: every stage, on true speech and Whisper's true weights."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fetched import DOWNLOADS
from reproduced import ROOT, begin, copy_code, dvc, output_on_a_recording, ran

from voicegraft.pipeline.params import read_params
from voicegraft.preparing.corpus import CorpusSection, load_corpus

SIDES = {"train": 48, "dev": 8, "test": 12}
STUDIES = [f"studies/dvc.yaml:{name}" for name in ("explore", "forgetting@top3", "probe_layers")]

pytestmark = pytest.mark.slow


def write_slice(folder: Path) -> None:
    """Write a few dozen Czech clips of the two main voices as a user's own corpus."""
    section = CorpusSection(name="fillets", language="cs", folder=str(folder), mirror="")
    everything = load_corpus("fillets").clips(folder, DOWNLOADS, section)
    clips = [c for c in everything if c.speaker in ("small", "big") and not c.problem]
    texts = {clip.text.lower(): clip for clip in clips if 15 < len(clip.text) < 50}
    sides = [side for side, count in SIDES.items() for _ in range(count)]
    with open(folder / "metadata.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "transcription", "speaker", "split"])
        for number, (side, clip) in enumerate(zip(sides, texts.values(), strict=False)):
            name = f"{number}{clip.path.suffix}"
            shutil.copyfile(clip.path, folder / name)
            table.writerow([name, clip.text, clip.speaker, side])


def write_params(folder: Path, **changes: dict) -> None:
    params = yaml.safe_load(yaml.safe_dump(read_params(ROOT / "params.yaml")))
    params["corpus"]["name"] = "folder"
    params["language_model"]["texts"] = "none"
    # Fine-tuning scores dev in float32: only on states as exact does it begin where the head ended.
    params["extract_embeddings"] |= {"precision": "float32", "speeds": [1.1]}
    # It says something after few steps, which the head of params.yaml does not.
    params["head"]["name"] = "ctc_linear"
    params["train_head"] |= {"epochs": 6, "min_steps": 0, "batch_seconds": 5.0, "lr": 0.003}
    params["finetune"]["top3"] |= {"epochs": 1, "min_steps": 0, "batch_seconds": 20.0}
    for section, change in changes.items():
        params[section] |= change
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project with a slice of the corpus as its own, reproduced once."""
    folder = tmp_path_factory.mktemp("project")
    copy_code(folder)
    write_slice(folder / "data" / "own")
    write_params(folder)
    begin(folder)
    output = dvc(folder, "repro")
    stages = ["fetch_model", "prepare_data", "extract_embeddings", "train_head", "evaluate@head"]
    stages += ["finetune@top3", "evaluate_finetuned@top3"]
    stages += ["build_language_model", "decode@head", "decode_finetuned@top3"]
    stages += ["train_control@log_mel", "evaluate_control@log_mel", "judge_transfer"]
    assert sorted(ran(output)) == sorted(stages)
    return folder


@pytest.mark.parametrize("model", ["head", "top3"])
def test_every_model_has_a_score_inside_its_interval(project: Path, model: str) -> None:
    metrics = json.loads((project / "evaluation" / model / "rates.json").read_text())
    test = metrics["test"]
    assert test["cer_low"] <= test["cer"] <= test["cer_high"]
    assert test["wer_low"] <= test["wer"] <= test["wer_high"]
    assert test["clips"] == SIDES["test"]
    assert test["cer"] < 0.9  # a model that only ever says nothing has 1


def test_every_model_is_judged_against_the_control(project: Path) -> None:
    verdicts = json.loads((project / "evaluation" / "transfer.json").read_text())
    assert list(verdicts) == ["head", "top3"]
    for verdict in verdicts.values():
        assert verdict["best_control"] == "log_mel"
        assert verdict["comparisons"][0]["clips"] == SIDES["test"]


def test_fine_tuning_begins_at_the_score_of_the_trained_head(project: Path) -> None:
    curves = project / "evaluation"
    cer = "curves/plots/metrics/dev/cer.tsv"
    head, top3 = (
        [float(line.split("\t")[1]) for line in (curves / m / cer).read_text().splitlines()[1:]]
        for m in ("head", "top3")
    )
    # Up to a letter or two: the blocks above the trunk are run again, and round otherwise.
    assert top3[0] == pytest.approx(min(head), abs=0.01)


def test_no_sentence_reaches_the_folder_that_is_committed(project: Path) -> None:
    with open(project / "data" / "corpus" / "manifest.csv", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file) if row["text"]]
    committed = [p.read_text() for p in (project / "evaluation").rglob("*") if p.is_file()]
    assert not [text for text in texts for content in committed if text in content]


def test_a_study_runs_alone_and_only_when_it_is_asked_for(project: Path) -> None:
    assert sorted(ran(dvc(project, "repro", *STUDIES))) == sorted(STUDIES)


def test_a_second_repro_runs_nothing(project: Path) -> None:
    assert ran(dvc(project, "repro", "dvc.yaml", *STUDIES)) == []


def test_a_plug_in_that_is_added_leaves_every_stage_up_to_date(project: Path) -> None:
    folders = ("upstreams", "corpora", "heads", "classifiers", "decoders", "checkpoints")
    added = [project / "voicegraft" / folder / "another.py" for folder in folders]
    for file in added:
        file.write_text("SIZE = 1\n")
    printed = dvc(project, "status", "dvc.yaml")
    for file in added:
        file.unlink()
    assert "up to date" in printed, printed


def test_a_stage_run_by_hand_replaces_what_dvc_has_linked_and_leaves_its_cache_alone(
    project: Path, tmp_path: Path
) -> None:
    written = project / "data" / "predictions" / "head.tsv"
    before = written.read_bytes()
    command = [sys.executable, "stages/evaluate.py", "models/log_mel", "data/corpus"]
    by_hand = [*command, str(tmp_path), "data/predictions/head.tsv"]
    subprocess.run(by_hand, cwd=project, check=True, capture_output=True)
    assert written.read_bytes() != before
    dvc(project, "checkout", "--force", "data/predictions/head.tsv")
    assert written.read_bytes() == before


def test_a_new_rate_runs_the_head_and_what_follows_and_the_old_one_nothing(project: Path) -> None:
    write_params(project, train_head={"lr": 0.001})
    planned = ran(dvc(project, "repro", "--dry", "--force-downstream"))
    follows = ["train_head", "evaluate@head", "finetune@top3", "evaluate_finetuned@top3"]
    follows += ["decode@head", "decode_finetuned@top3"]
    follows += ["train_control@log_mel", "evaluate_control@log_mel", "judge_transfer"]
    assert sorted(planned) == sorted(follows)
    assert ran(dvc(project, "repro", "train_head")) == ["train_head"]
    write_params(project)
    (project / "dvc.lock").unlink()  # so each stage, not the head alone, has to be in the run cache
    assert ran(dvc(project, "repro")) == []


def test_no_recipe_is_no_stage(project: Path) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text())
    write_params(project, finetune={"recipes": []})
    listed = dvc(project, "stage", "list", "--name-only").split()
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    assert "evaluate@head" in listed
    assert not [name for name in listed if "top3" in name]


def test_the_model_alone_transcribes_a_recording(project: Path, tmp_path: Path) -> None:
    assert output_on_a_recording(project, tmp_path, "transcribe", "0.ogg")
