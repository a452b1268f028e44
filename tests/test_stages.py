"""The stages between corpus and model, as commands, on tones and Whisper's true weights."""

import csv
import hashlib
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import stage_runs
from stage_runs import write_params

from voicegraft.pipeline.provenance import named, parse, provenance
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.amounts import minutes_of
from voicegraft.training.recipe import load_recipe


def quick_params() -> dict:
    """Return the project's params, so few epochs that a stage takes seconds."""
    params = stage_runs.params_of()
    params["train_head"] |= {"epochs": 2, "batch_seconds": 4.0}
    params["finetune"]["top3"] |= {"epochs": 1, "batch_seconds": 4.0}
    params["forgetting"] |= {"head": "head", "corpus": "corpus"}
    params["seed_noise"] |= {"seeds": 2}
    params["learning_curve"] |= {"minutes": [0.05, 60], "draws": 2}
    for recipe in ("full", "lora", "best"):
        params["finetune"][recipe] |= {"epochs": 1, "batch_seconds": 4.0}
    for change in params["finetune"]["best"]["soup"]:
        change |= {"epochs": 1}
    params["forgetting"] |= {"head": "head", "corpus": "corpus"}
    return params


COMMANDS = {
    "probe_layers": "upstream corpus layers.csv",
    "extract_embeddings": "upstream corpus cache embeddings",
    "train_head": "upstream corpus embeddings head curves scratch",
    "top3": "top3 upstream head corpus embeddings top3 curves_top3 top3.json scratch_top3",
    "full": "full upstream head corpus embeddings full curves_full full.json scratch_full",
    "lora": "lora upstream head corpus embeddings lora curves_lora lora.json scratch_lora",
    "best": "best upstream head corpus embeddings best curves_best best.json scratch_best",
    "forgetting": "upstream full forgetting.json",
    "build_control": "log_mel upstream log_mel",
    "extract_control": "log_mel corpus cache log_mel_states",
    "train_control": "log_mel corpus log_mel_states control curves_control scratch_control",
    "seed_noise": "upstream corpus embeddings noise scratch_noise",
    "learning_curve": "upstream corpus embeddings log_mel log_mel_states curve scratch_curve",
}
SCRIPTS = {
    "top3": "finetune",
    "full": "finetune",
    "lora": "finetune",
    "best": "finetune",
    "extract_control": "extract_embeddings",
    "train_control": "train_head",
}


MADE = ("layers.csv", "embeddings", "head", "curves", "top3", "lora")


def command(stage: str) -> list[str]:
    return stage_runs.command(SCRIPTS.get(stage, stage), COMMANDS[stage])


def run(stage: str, folder: Path) -> subprocess.CompletedProcess:
    return stage_runs.run(SCRIPTS.get(stage, stage), COMMANDS[stage], folder)


def new_project(folder: Path, whisper_folder: Path) -> Path:
    stage_runs.fill(folder, whisper_folder, quick_params())
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory, whisper_folder) -> Path:
    """A folder in which every stage has run."""
    folder = new_project(tmp_path_factory.mktemp("project"), whisper_folder)
    for stage in COMMANDS:
        done = run(stage, folder)
        assert done.returncode == 0, done.stderr
    return folder


def digests(folder: Path) -> dict[str, str]:
    made = [p for name in MADE for p in [folder / name, *(folder / name).rglob("*")]]
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in made
        if p.is_file()
    }


def test_stages_give_the_same_bytes_in_another_process(project, tmp_path, whisper_folder) -> None:
    again = new_project(tmp_path, whisper_folder)
    stages = ("probe_layers", "extract_embeddings", "train_head", "top3", "lora")
    stage_runs.run_in_another([(SCRIPTS.get(s, s), COMMANDS[s]) for s in stages], again)
    assert digests(again) == digests(project)


def test_the_best_recipe_averages_four_trainings_of_all_blocks_and_two_of_the_top(project) -> None:
    found = json.loads((project / "best.json").read_text())
    whole, again, *others = found["dev_alone"]
    assert whole == again and len(others) == 4  # one epoch spells nothing, by any seed
    each = load_recipe("best").trainings("finetune.best")
    assert [t.unfrozen_blocks for t in each] == [6, 6, 6, 6, 3, 3]
    assert [len(t.speeds) for t in each] == [2, 2, 4, 4, 0, 0]
    assert [t.seed for t in each] == [1, 2] * 3
    assert found["upstream"] == json.loads((project / "full.json").read_text())["upstream"]
    left = [file.name for file in (project / "scratch_best").glob("*/*")]
    assert left == ["result.safetensors"] * 6


def test_a_soup_of_one_more_trains_only_that_one(project, tmp_path) -> None:
    params = quick_params()
    *_, one, two = params["finetune"]["best"]["soup"]
    kept: list[set[tuple[str, int]]] = []
    for name in ("upstream", "corpus", "embeddings", "head"):
        (tmp_path / name).symlink_to(project / name)
    for soup in ([one, two], [one, two, two | {"seed": 3}]):
        params["finetune"]["best"]["soup"] = soup
        write_params(tmp_path, params)
        assert run("best", tmp_path).returncode == 0
        results = (tmp_path / "scratch_best").glob("*/result.safetensors")
        kept.append({(file.parent.name, file.stat().st_ino) for file in results})
    assert len(kept[0]) == 2 and len(kept[1]) == 3
    assert kept[0] < kept[1]


def test_a_stage_killed_in_mid_run_goes_on_to_the_same_bytes(project, tmp_path) -> None:
    again, params = tmp_path, quick_params()
    params["train_head"]["epochs"] = 6
    write_params(again, params)
    for name in ("upstream", "corpus", "embeddings"):
        (again / name).symlink_to(project / name)
    running = subprocess.Popen(command("train_head"), cwd=again, stderr=subprocess.DEVNULL)
    while not list(again.glob("scratch/*/last.safetensors")) and running.poll() is None:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert not (again / "head").exists()
    assert "going on after epoch" in run("train_head", again).stderr
    assert not list(again.glob("scratch/*/*"))
    resumed = {p.name: p.read_bytes() for p in (again / "head").iterdir()}
    shutil.rmtree(again / "head")
    assert run("train_head", again).returncode == 0
    assert {p.name: p.read_bytes() for p in (again / "head").iterdir()} == resumed


def test_a_full_disk_ends_a_stage_in_one_line_and_the_next_run_has_the_same_bytes(
    project, tmp_path, whisper_folder
) -> None:
    again = new_project(tmp_path, whisper_folder)
    for stage, bytes_left in {"extract_embeddings": 3_000_000, "train_head": 20_000_000}.items():
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (bytes_left, bytes_left))
        full = subprocess.run(
            command(stage), cwd=again, capture_output=True, text=True, preexec_fn=limit
        )
        assert full.returncode == 1
        assert "too large" in full.stderr and "Traceback" not in full.stderr
        assert run(stage, again).returncode == 0
    later = ("top3", "lora", "layers.csv")
    made = {n: digest for n, digest in digests(project).items() if not n.startswith(later)}
    assert digests(again) == made


def test_extraction_closes_with_hours_seconds_and_real_time_factor(
    tmp_path, whisper_folder
) -> None:
    again = new_project(tmp_path, whisper_folder)
    closing = run("extract_embeddings", again).stderr.strip().splitlines()[-1]
    assert all(
        words in closing for words in ("hours of audio in", "× real time", "real-time factor")
    )


def refusal(stage: str, folder: Path) -> str:
    """Return the line with which the stage refuses; it must be one line, and no traceback."""
    done = run(stage, folder)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    return last


@pytest.mark.parametrize(
    ("stage", "section", "change", "words"),
    [
        ("train_head", "train_head", {"learning_rate": 1.0}, ["train_head.learning_rate", "lr"]),
        ("train_head", "train_head", {"lr": -1.0}, ["train_head.lr", "-1.0"]),
        ("train_head", "head", {"name": "lstm"}, ["head.name", "lstm", "ctc_linear"]),
        ("train_head", "head", {"layer": 5}, ["head.layer", "5", "[3, 6]", "add [5]"]),
        ("train_head", "head", {"layer": "best"}, ["head.layer", "best", "0 and up"]),
        (
            "extract_embeddings",
            "extract_embeddings",
            {"layers": "all"},
            ["layers", "all", "a list"],
        ),
        ("top3", "compute", {"precision": "8"}, ["compute.precision", "32-true"]),
    ],
)
def test_a_wrong_knob_is_refused_by_its_name_its_value_and_the_choices(
    project, tmp_path, stage, section, change, words
) -> None:
    params = quick_params()
    params[section] |= change
    write_params(tmp_path, params)
    for name in ("upstream", "corpus", "embeddings", "head"):
        (tmp_path / name).symlink_to(project / name)
    assert all(word in refusal(stage, tmp_path) for word in words)


def test_more_blocks_than_lie_below_the_head_cannot_be_unfrozen(project, tmp_path) -> None:
    params = quick_params()
    params["finetune"]["top3"]["unfrozen_blocks"] = 7
    write_params(tmp_path, params)
    for name in ("corpus", "embeddings", "head"):
        (tmp_path / name).symlink_to(project / name)
    assert "1 to 6" in refusal("top3", tmp_path)


def test_a_recipe_that_params_do_not_describe_is_refused_with_those_they_do(project) -> None:
    done = stage_runs.run("finetune", COMMANDS["top3"].replace("top3", "top9", 1), project)
    assert done.returncode == 1
    assert "finetune.top9" in done.stderr
    assert "top3" in done.stderr


def test_a_control_is_trained_as_the_head_is_on_the_one_layer_it_has(project) -> None:
    control, head = (
        json.loads((project / m / "model.json").read_text()) for m in ("control", "head")
    )
    assert (control["upstream"], control["layer"], head["layer"]) == ("log_mel", 0, 6)
    assert {k: control[k] for k in ("head", "labels")} == {k: head[k] for k in ("head", "labels")}


def test_a_learning_curve_has_each_amount_and_all_of_it_where_more_is_asked_for(project) -> None:
    with open(project / "curve" / "runs.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    most = str(minutes_of(Corpus(project / "corpus").of("train")))
    assert Counter((r["model"], r["minutes"]) for r in rows) == {
        (model, minutes): 2 for model in ("head", "log_mel") for minutes in ("0.05", most)
    }
    assert all(int(row["epochs"]) >= 2 for row in rows)


def test_a_learning_curve_that_was_stopped_trains_only_what_is_left(project) -> None:
    once = {p.name: p.read_bytes() for p in (project / "curve").iterdir()}
    kept = sorted((project / "scratch_curve").glob("*/*/result.safetensors"))
    times = {path: path.stat().st_mtime_ns for path in kept[1:]}
    kept[0].unlink()
    assert run("learning_curve", project).returncode == 0
    assert times == {path: path.stat().st_mtime_ns for path in kept[1:]}
    assert kept[0].is_file()
    assert (project / "curve" / "curve.csv").read_bytes() == once["curve.csv"]


def test_models_and_studies_name_what_they_are_of_in_the_same_words(project) -> None:
    def of(path: str) -> dict[str, str]:
        return named(json.loads((project / path).read_text()))

    def scored(model: str) -> dict[str, str]:
        return parse(provenance(corpus=project / "corpus", model=project / model))

    head, control, top3 = scored("head"), scored("control"), scored("top3")
    assert set(head) == {"corpus", "model", "upstream", "training"}
    assert (top3["head"], "upstream" in top3) == (head["model"], False)
    assert (control["training"], "upstream" in control) == (head["training"], False)
    for study in ("noise/metrics.json", "curve/metrics.json"):
        shared = head.keys() & of(study).keys()
        assert shared == {"corpus", "upstream", "training"}
        assert all(of(study)[name] == head[name] for name in shared)
    assert of("forgetting.json") == {"model": scored("full")["model"], "head": head["model"]}


def test_seed_noise_has_a_score_for_each_seed_and_how_they_vary(project) -> None:
    with open(project / "noise" / "seeds.csv", encoding="utf-8", newline="") as file:
        rates = [float(row["cer"]) for row in csv.DictReader(file)]
    found = json.loads((project / "noise" / "metrics.json").read_text())
    assert found["seeds"] == len(rates) == 2
    assert found["cer"]["deviation"] == pytest.approx(statistics.stdev(rates), abs=1e-4)
    assert (found["cer"]["lowest"], found["cer"]["highest"]) == (min(rates), max(rates))
