"""The stages that score classifiers, on tones of three pitches and a tiny model that tells them."""

import csv
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from invented import MARGIN_SECONDS, store_corpus
from sklearn.linear_model import LogisticRegression

from voicegraft import heads
from voicegraft.evaluation.classes.scores import parse_class_scores
from voicegraft.grafted import Description, GraftedModel, load_model, save_model
from voicegraft.packed import PackedWriter
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance, write_manifest
from voicegraft.upstreams import plugin

STAGES = Path(__file__).parent.parent / "stages"
PITCHES = {"low": 300.0, "middle": 900.0, "high": 2500.0, "noise": 0.0}
SPLITS = ("train", "train", "dev", "test", "unseen")
TABLES = {"utterances", "dev", "unknown", "worst", "classes", "slices", "confusion", "calibration"}
ONE_FRAME = '''
from torch import nn
import torch
from voicegraft.heads import Head
from voicegraft.padding import Padded


class MeanHead(Head):
    """Log-probabilities of classes from the mean of a clip's states."""

    subsampling = 1

    def __init__(self, size, labels):
        super().__init__()
        self.label = nn.Linear(size, labels)

    def forward(self, states):
        mean = states.zeroed().values.sum(1) / states.lengths[:, None]
        return Padded(self.label(mean).log_softmax(-1)[:, None], torch.ones_like(states.lengths))


build = MeanHead
'''


def write_corpus(folder: Path, splits: tuple[str, ...] = SPLITS, clips: int = 160) -> Corpus:
    """Write tones of known pitch, and noise, by two voices of which each is its own octave."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    utterances = []
    with PackedWriter(folder / "audio.npy", np.int16) as audio:
        for number in range(clips):
            label, split = list(PITCHES)[number % 4], splits[number // 4 % len(splits)]
            voice = number // 2 % 2
            time = np.arange(round((0.15 + 0.01 * (number % 7)) * SAMPLE_RATE)) / SAMPLE_RATE
            wave = 8_000 * np.sin(2 * np.pi * PITCHES[label] * (1 + voice / 20) * time)
            samples = (wave + rng.normal(0, 900, len(time))).astype(np.int16)
            own = f"clip{number}", split, f"voice{voice}", f"session{number % 11}"
            utterances.append(
                Utterance(*own, audio.append(samples), len(samples), "secret words", label)
            )
    write_manifest(folder / "manifest.csv", utterances)
    return Corpus(folder)


def tiny(labels: list[str], head: str) -> GraftedModel:
    torch.manual_seed(1)
    config = plugin("whisper").TINY
    return GraftedModel(
        Description(
            upstream="whisper",
            upstream_config=config,
            margin_seconds=MARGIN_SECONDS,
            head=head,
            layer=config["blocks"],
            labels=labels,
        )
    ).eval()


def train(model: GraftedModel, corpus: Corpus) -> None:
    """Fit the head by logistic regression on the means of what it will hear."""
    clips = [u for u in corpus.of("train") if u.label in model.labels]
    upstream, top = model.upstream, model.description.top
    with torch.inference_mode():
        windows = [upstream.window(torch.from_numpy(corpus.wave(u)), MARGIN_SECONDS) for u in clips]
        states = [upstream.encode([w], [top])[top].values.mean(0).numpy() for w in windows]
    fitted = LogisticRegression(max_iter=5_000).fit(np.stack(states), [u.label for u in clips])
    assert fitted.classes_.tolist() == model.labels
    model.head.label.weight.data = torch.tensor(fitted.coef_, dtype=torch.float32)
    model.head.label.bias.data = torch.tensor(fitted.intercept_, dtype=torch.float32)


@pytest.fixture(scope="module", autouse=True)
def plugged(tmp_path_factory):
    """A folder of heads beside voicegraft's, with one that emits a single frame."""
    folder = tmp_path_factory.mktemp("heads")
    (folder / "one_frame.py").write_text(ONE_FRAME)
    heads.__path__.append(str(folder))
    yield
    heads.__path__.remove(str(folder))
    sys.modules.pop("voicegraft.heads.one_frame", None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A corpus, its states, a classifier that never heard noise, and a model that transcribes."""
    folder = tmp_path_factory.mktemp("made")
    corpus = write_corpus(folder / "corpus")
    model = tiny(["high", "low", "middle"], "one_frame")
    train(model, corpus)
    save_model(model, folder / "model")
    save_model(tiny(["", "a"], "ctc_linear"), folder / "transcriber")
    store_corpus(folder / "embeddings", corpus, model)
    return folder


@pytest.fixture
def project(tmp_path, made, monkeypatch):
    """The working directory: what was made, and params.yaml."""
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    write_params(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_params(folder: Path, unknown=("noise",), shots=(1, 5)) -> None:
    evaluate = {
        "batch_seconds": 5.0,
        "resamples": 1000,
        "confidence": 0.95,
        "seed": 1,
        "duration_edges_seconds": [0.18],
        "fewest_speaker_clips": 2,
    }
    open_set = {"unknown_labels": list(unknown), "max_false_accepts": 0.2}
    few = {"shots": list(shots), "draws": 5}
    params = {"evaluate": evaluate, "open_set": open_set, "few_shot": few}
    params["head"] = {"pooling": "mean_std", "normalise": "none"}
    params["leave_classes_out"] = {"folds": 4}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def run(stage: str, *paths):
    """Run the stage as a command, here."""
    arguments = [str(STAGES / f"{stage}.py"), *map(str, paths)]
    old, sys.argv = sys.argv, arguments
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = old


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def read(path: str) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_stage_writes_numbers_and_classes_for_git_and_no_text(project, capsys):
    assert not run("evaluate_classifier", "model", "corpus", "evaluation/model", "predictions.csv")
    folder = project / "evaluation" / "model"
    assert set(bytes_in(folder)) == {
        *(f"{name}.csv" for name in TABLES | {"open_set"}),
        "metrics.json",
    }
    metrics = json.loads((folder / "metrics.json").read_text())
    assert list(metrics) == ["test", "unseen"]
    test = metrics["test"]
    assert (test["clips"], test["classes"], test["open_set"]["unknown_clips"]) == (24, 3, 8)
    assert test["accuracy"] > 0.9 > 0.4 > test["majority"]
    assert test["macro_f1_low"] <= test["macro_f1"] <= test["macro_f1_high"]
    assert test["untrained_classes"] == 0
    assert b"secret" not in b"".join(bytes_in(folder).values())
    assert "test: accuracy" in (said := capsys.readouterr()).out and "open set" in said.out
    assert "real-time factor" in said.err


def test_a_clip_is_taken_for_what_the_model_says_of_it_alone(project):
    run("evaluate_classifier", "model", "corpus", "e", "predictions.csv")
    scores = parse_class_scores((project / "e/utterances.csv").read_text())
    model, corpus = load_model(project / "model"), Corpus(project / "corpus")
    clips = {u.id: u for u in corpus.of("test", "unseen") if u.label != "noise"}
    assert [s.id for s in scores] == list(clips)
    for score in scores[:8]:
        (emission,) = model.emissions([corpus.wave(clips[score.id])])
        assert score.predicted == model.labels[int(emission.argmax())]
        assert score.probability == pytest.approx(float(emission.exp().max()), abs=1e-4)


@pytest.mark.usefixtures("project")
def test_unknown_clips_and_dev_lie_apart():
    run("evaluate_classifier", "model", "corpus", "e", "predictions.csv")
    assert {row["label"] for row in read("e/unknown.csv")} == {"noise"}
    assert {row["split"] for row in read("e/unknown.csv")} == {"dev", "test", "unseen"}
    assert {row["split"] for row in read("e/dev.csv")} == {"dev"}
    assert "noise" not in {row["label"] for row in read("e/dev.csv")}
    assert len(read("e/confusion.csv")) == len(read("e/utterances.csv"))


def test_without_unknown_labels_what_was_never_learnt_is_the_floor(project):
    write_params(project, unknown=())
    run("evaluate_classifier", "model", "corpus", "e", "predictions.csv")
    test = json.loads(Path("e/metrics.json").read_text())["test"]
    assert (test["untrained_classes"], test["untrained_floor"]) == (1, 0.25)
    assert test["accuracy"] <= 0.75 and "open_set" not in test
    assert read("e/open_set.csv") == read("e/unknown.csv") == []


def test_the_same_inputs_give_the_same_bytes(project):
    for name in ("one", "two"):
        run("evaluate_classifier", "model", "corpus", name, "predictions.csv")
        run("few_shot", "corpus", "embeddings", f"{name}.csv")
        write_params(project, unknown=())
        run("leave_classes_out", "corpus", "embeddings", f"{name}_left_out.csv")
        write_params(project)
    assert bytes_in(project / "one") == bytes_in(project / "two")
    for table in (".csv", "_left_out.csv"):
        assert (project / f"one{table}").read_bytes() == (project / f"two{table}").read_bytes()


@pytest.mark.usefixtures("project")
def test_a_model_that_transcribes_is_refused():
    complaint = run("evaluate_classifier", "transcriber", "corpus", "e", "predictions.csv")
    assert "a classifier emits one frame for a clip, this model" in complaint
    assert not Path("e").exists()


def test_an_unknown_label_that_no_clip_has_is_refused_with_those_there_are(project):
    write_params(project, unknown=["nosie"])
    complaint = run("evaluate_classifier", "model", "corpus", "e", "predictions.csv")
    assert "open_set.unknown_labels: 'nosie'" in complaint and "high, low, middle" in complaint


@pytest.mark.usefixtures("project")
def test_the_probabilities_of_every_class_are_kept_for_each_clip():
    run("evaluate_classifier", "model", "corpus", "e", "p/predictions.csv")
    rows, scores = read("p/predictions.csv"), read("e/utterances.csv") + read("e/dev.csv")
    by_id = {row["id"]: row for row in rows}
    for score in scores:
        row = by_id[score["id"]]
        own = {name: float(row[name]) for name in list(row)[3:]}
        assert sum(own.values()) == pytest.approx(1, abs=1e-5)
        assert max(own, key=own.get) == score["predicted"]


@pytest.mark.usefixtures("project")
def test_few_shots_of_stored_states_tell_pitches_apart(capsys):
    assert not run("few_shot", "corpus", "embeddings", "few_shot.csv")
    rows = read("few_shot.csv")
    assert [(row["split"], row["shots"]) for row in rows] == [
        *(("test", "1"), ("test", "5"), ("unseen", "1"), ("unseen", "5"))
    ]
    assert float(rows[1]["accuracy_low"]) > 0.6
    assert all(float(row["accuracy_low"]) <= float(row["accuracy"]) for row in rows)
    assert "test, 5 of each class: accuracy" in capsys.readouterr().out


def test_more_shots_than_a_class_has_clips_are_left_out_by_name(project, capsys):
    write_params(project, shots=[1, 99])
    assert not run("few_shot", "corpus", "embeddings", "few_shot.csv")
    assert "'high' has 16 clips in train: no 99 of each class" in capsys.readouterr().err
    assert {row["shots"] for row in read("few_shot.csv")} == {"1"}


def test_each_pitch_is_left_out_in_turn(project, capsys):
    write_params(project, unknown=())
    assert not run("leave_classes_out", "corpus", "embeddings", "left_out.csv")
    rows = read("left_out.csv")
    assert [(row["split"], row["measure"]) for row in rows][:4] == [
        *(("dev", "probability"), ("test", "probability"), ("unseen", "probability")),
        ("dev", "energy"),
    ]
    assert {row["unknown_clips"] for row in rows} == {"32"}
    assert "test, cosine: equal error rate" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_three_pitches_are_too_few_to_leave_out(capsys):
    assert not run("leave_classes_out", "corpus", "embeddings", "left_out.csv")
    assert "3 classes are too few for 4 folds" in capsys.readouterr().out
    assert read("left_out.csv") == []


@pytest.mark.parametrize("stage", ["evaluate_classifier", "few_shot", "leave_classes_out"])
def test_the_help_names_what_the_stage_reads_and_writes_and_its_knobs(stage, capsys):
    run(stage, "--help")
    text = capsys.readouterr().out
    assert all(word in text for word in ("Reads", "Writes", "Knobs", "open_set", "evaluate"))
