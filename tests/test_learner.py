"""Heads of learning curves and of seeds: which are recalled, and for what."""

import json
import math
import os
from dataclasses import fields, replace
from pathlib import Path

import pytest
from invented import model, store_corpus, write_corpus

from voicegraft.model import upstream as upstreams
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus, write_manifest
from voicegraft.studies.learner import Learner, run_all
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.scratch import RESULT

PARAMS = Path(__file__).parent.parent / "params.yaml"
MINUTES = 0.05


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    """Learns tones from the states of an untrained network, in two epochs."""
    corpus = write_corpus(tmp_path / "corpus")
    store_corpus(tmp_path / "embeddings", corpus, model())
    (tmp_path / "upstream").mkdir()
    identity = {"name": "random", "config": upstreams.plugin("random").TINY}
    (tmp_path / "upstream" / upstreams.IDENTITY_FILE).write_text(json.dumps(identity))
    fit = load_params(Fit, "train_head", PARAMS).model_copy(
        update={"epochs": 2, "min_steps": 0, "batch_seconds": 2.0}
    )
    choice = HeadChoice(name="ctc_linear", layer=2)
    compute = Compute(accelerator="cpu", devices=1, precision="32-true")
    folders = (tmp_path / name for name in ("upstream", "embeddings", "corpus", "scratch"))
    return Learner(*folders, choice, fit, compute)


def once(learner: Learner):
    return learner.run(MINUTES, 0, learner.name(MINUTES, 0))


def result(learner: Learner) -> Path:
    return learner.scratch / learner.name(MINUTES, 0) / RESULT


def change_texts(folder: Path) -> None:
    """Change each text but none of the sizes and times of the files."""
    manifest = folder / "manifest.csv"
    times, clips = os.stat(manifest), Corpus(folder).utterances
    turned = str.maketrans("abř", "bař")
    write_manifest(manifest, [replace(c, text=c.text.translate(turned)) for c in clips])
    os.utime(manifest, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert manifest.stat().st_size == times.st_size


def test_the_same_run_is_recalled(learner):
    first = once(learner)
    written = result(learner).stat().st_mtime_ns
    assert once(learner) == first
    assert result(learner).stat().st_mtime_ns == written


def test_a_run_of_a_corpus_is_not_taken_for_one_of_the_same_clips_with_other_texts(learner):
    first = once(learner)
    change_texts(learner.corpus)
    other = once(Learner(*(getattr(learner, field.name) for field in fields(learner))))
    assert len(list(learner.scratch.glob(f"*/{RESULT}"))) == 2
    assert other.scores != first.scores


def other_value(learner: Learner, name: str):
    value = getattr(learner, name)
    if isinstance(value, Path):
        (value / "more").write_text("more")
        return value
    if name == "dev_minutes":
        return 1.0 if value == math.inf else math.inf
    knob = {"choice": {"name": "other"}, "fit": {"lr": 0.5}, "compute": {"devices": 2}}[name]
    return value.model_copy(update=knob)


@pytest.mark.parametrize("name", [f.name for f in fields(Learner) if f.name != "scratch"])
def test_each_thing_that_a_learner_reads_is_in_the_name_of_its_runs(learner, name):
    before = learner.name(MINUTES, 0)
    assert replace(learner, **{name: other_value(learner, name)}).name(MINUTES, 0) != before


def test_another_amount_and_another_draw_are_other_runs(learner):
    assert len({learner.name(*which) for which in ((0.05, 0), (0.1, 0), (0.05, 1))}) == 3


@pytest.mark.parametrize("left", [0, 10, -1])
def test_a_torn_result_is_named_and_trained_anew(learner, capsys, left):
    first = once(learner)
    result(learner).write_bytes(result(learner).read_bytes()[:left])
    assert once(learner).scores == first.scores
    assert f"{result(learner)} is damaged" in capsys.readouterr().err
    assert once(learner).scores == first.scores
    assert "damaged" not in capsys.readouterr().err


def test_runs_beside_each_other_come_in_order_and_say_which_are_in_use(learner):
    used: set[str] = set()
    runs = list(run_all([(learner, MINUTES, number) for number in (0, 1)], "cpu", used))
    assert [run.draw for run in runs] == [0, 1]
    assert used == {path.name for path in learner.scratch.iterdir()}
