"""The verdict on a transfer, and the paired difference, by the error rate of classes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stage_runs
import yaml
from labelled import QUICK, class_scores
from scipy.stats import bootstrap

from voicegraft.evaluation.classes.scores import write_class_scores
from voicegraft.evaluation.paired import difference, in_common
from voicegraft.evaluation.transfer import Control, gain, judge, verdict_lines

ROOT = Path(__file__).parent.parent


def mended(scores, share, seed=5):
    """Return the clips with about that share of the wrong ones made right."""
    rng = np.random.default_rng(seed)
    return [
        replace(s, predicted=s.label) if not s.correct and rng.random() < share else s
        for s in scores
    ]


@pytest.fixture
def control():
    return class_scores(right=0.5, clips=400)


def test_a_gain_that_was_planted_is_found_inside_its_interval(control):
    found = gain(mended(control, 0.6), Control("log_mel", 0.5, control), QUICK)
    assert found["error_rate"]["gain"] == pytest.approx(0.6, abs=0.05)
    assert found["error_rate"]["gain_low"] < 0.6 < found["error_rate"]["gain_high"]
    assert (found["verdict"], found["block_unit"]) == ("transfer helps", "session")
    assert "cer" not in found


def test_the_same_answers_are_no_evidence_and_worse_ones_are_negative_transfer(control):
    same = judge(control, [Control("log_mel", 0.5, control)], QUICK)
    assert (same["verdict"], same["dev_error_rate"]) == ("no evidence", {"log_mel": 0.5})
    worse = judge(control, [Control("log_mel", 0.3, mended(control, 0.4))], QUICK)
    assert worse["verdict"] == "NEGATIVE TRANSFER"
    first = verdict_lines({"head": worse})[0]
    assert first.startswith("head against log_mel, test: NEGATIVE TRANSFER: error rate 0.")
    assert first.endswith("!!!")


def test_the_paired_difference_agrees_with_scipys_bootstrap_over_blocks(control):
    new = mended(control, 0.2)
    names = sorted({s.block for s in new})
    sums = [
        np.array([sum(s.errors for s in of if s.block == b) for b in names], float)
        for of in (control, new)
    ]

    def change(before, after, axis):
        return (after.sum(axis) - before.sum(axis)) / len(new)

    theirs = bootstrap(
        sums, change, paired=True, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    ours = difference(control, new, "error_rate", QUICK.model_copy(update={"resamples": 20_000}))
    assert ours.verdict == "better"
    # Ours is expanded by Student's t for 20 blocks.
    assert (ours.low, ours.high) == pytest.approx(theirs, abs=0.01)


def test_a_clip_of_another_class_is_another_task(control):
    new = [replace(control[0], label="other"), *control[1:]]
    before, after = in_common(control, new)
    assert before == after == control[1:]


@pytest.fixture
def project(tmp_path, control):
    """Evaluations of two models and two controls; the better control on dev is not so on test."""
    params = yaml.safe_load((ROOT / "words/params.yaml").read_text())
    params["finetune"] |= {"recipes": ["top3"]}
    params["transfer"] |= {"controls": ["log_mel", "random"]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    found = {"head": (0.5, 0), "top3": (0.8, 0), "log_mel": (0.0, 0.3), "random": (0.2, 0.0)}
    for name, (share, on_dev) in found.items():
        folder = tmp_path / "evaluation" / name
        folder.mkdir(parents=True)
        write_class_scores(folder / "utterances.csv", mended(control, share))
        dev = mended(class_scores(right=0.5, split="dev"), on_dev)
        write_class_scores(folder / "dev.csv", dev)
    return tmp_path


def judge_transfer(project):
    return stage_runs.run("judge_transfer", "evaluation transfer.json", project)


def test_the_stage_judges_classifiers_and_dev_chooses_the_control_to_beat(project):
    done = judge_transfer(project)
    assert "head against log_mel, test: transfer helps: error rate 0." in done.stdout, done.stderr
    once = (project / "transfer.json").read_bytes()
    verdicts = json.loads(once)
    assert verdicts["top3"]["best_control"] == "log_mel"
    assert verdicts["top3"]["gain"]["test"]["gain"] > verdicts["head"]["gain"]["test"]["gain"]
    judge_transfer(project)
    assert (project / "transfer.json").read_bytes() == once


def test_a_control_without_a_clip_in_dev_is_refused_by_its_file(project):
    write_class_scores(project / "evaluation" / "random" / "dev.csv", [])
    assert "evaluation/random/dev.csv has no clip" in judge_transfer(project).stderr
