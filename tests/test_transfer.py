"""The verdict on a transfer, on errors that were planted."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stage_runs
import yaml
from scipy.stats import bootstrap
from scored import PARAMS, scores

from voicegraft.evaluation.scores import write_scores
from voicegraft.evaluation.transfer import Control, gain, judge, verdict_lines

ROOT = Path(__file__).parent.parent


def fewer(control, share, seed=5):
    """Return the clips with about that share of their character edits undone, clip by clip."""
    rng = np.random.default_rng(seed)
    return [
        replace(s, character_edits=int(rng.binomial(s.character_edits, 1 - share))) for s in control
    ]


def gain_over(model, control):
    return gain(model, Control("control", 0.5, control), PARAMS)


def against(*controls):
    return [Control(f"control{i}", 0.5 + i / 10, scores) for i, scores in enumerate(controls)]


def wholes(verdict):
    return [line for line in verdict["comparisons"] if line["kind"] == "whole"]


def test_a_gain_that_was_planted_is_found_inside_its_interval():
    found = gain_over(fewer(scores(), 0.3), scores())
    assert found["cer"]["gain"] == pytest.approx(0.3, abs=0.03)
    assert found["cer"]["gain_low"] < 0.3 < found["cer"]["gain_high"]
    assert found["verdict"] == "transfer helps"


def test_the_same_errors_are_no_evidence():
    found = gain_over(scores(), scores())
    assert (found["cer"]["gain"], found["verdict"]) == (0, "no evidence")


def test_a_model_that_errs_more_than_its_control_is_negative_transfer():
    found = gain_over(scores(), fewer(scores(), 0.2))
    assert found["cer"]["gain_high"] < 0
    assert found["verdict"] == "NEGATIVE TRANSFER"


def test_the_interval_agrees_with_scipys_paired_bootstrap_of_the_ratio_over_blocks():
    model, control = fewer(scores(), 0.2), scores()
    by_block = [
        [sum(s.character_edits for s in side if s.block == block) for side in (model, control)]
        for block in sorted({s.block for s in control})
    ]
    mine, theirs = np.array(by_block, float).T

    def spared(mine, theirs, axis):
        return 1 - mine.sum(axis) / theirs.sum(axis)

    reference = bootstrap(
        (mine, theirs), spared, paired=True, n_resamples=20_000, method="percentile", rng=3
    ).confidence_interval
    found = gain_over(model, control)["cer"]
    # Ours is expanded by Student's t for 20 blocks, which is 10 % of its width.
    assert found["gain_low"] == pytest.approx(reference.low, abs=0.01)
    assert found["gain_high"] == pytest.approx(reference.high, abs=0.01)


def test_the_control_to_beat_is_the_best_on_dev_even_if_another_is_better_on_test():
    verdict = judge(scores(), against(fewer(scores(), -0.0), fewer(scores(), 0.4)), PARAMS)
    assert (verdict["best_control"], verdict["verdict"]) == ("control0", "no evidence")
    assert [line["verdict"] for line in wholes(verdict)] == ["no evidence", "NEGATIVE TRANSFER"]


def test_the_verdict_is_on_seen_speakers_where_there_are_any():
    model = fewer(scores(), 0.3) + scores(split="unseen")
    control = scores() + fewer(scores(split="unseen"), 0.3)
    verdict = judge(model, against(control), PARAMS)
    assert {line["split"]: line["verdict"] for line in wholes(verdict)} == {
        "test": verdict["verdict"],
        "unseen": "NEGATIVE TRANSFER",
    }
    assert list(verdict["gain"]) == ["test", "unseen"]


def test_a_speaker_with_a_loss_is_reported_though_the_whole_gained():
    lost = [
        replace(s, character_edits=min(40, 2 * s.character_edits)) if s.speaker == "voice1" else s
        for s in fewer(scores(), 0.7)
    ]
    verdicts = {"head": judge(lost, against(scores()), PARAMS)}
    model = [
        s if s.speaker == "voice0" else replace(s, character_edits=s.character_edits * 2)
        for s in fewer(scores(), 0.45)
    ]
    verdicts["top3"] = judge(model, against(scores()), PARAMS)
    assert verdicts["top3"]["gain"]["test"]["gain"] > 0.1
    assert any("top3" in line and "speaker voice1" in line for line in verdict_lines(verdicts))
    assert all("speaker" not in line for line in verdict_lines(verdicts) if line.startswith("head"))


def test_a_negative_verdict_is_loud():
    verdicts = {"head": judge(scores(), against(fewer(scores(), 0.3)), PARAMS)}
    first = verdict_lines(verdicts)[0]
    assert first == (
        "head against control0, test: NEGATIVE TRANSFER: CER 0.305, not 0.217, 41 % more errors "
        "(37 to 45)  !!!"
    )


def test_a_control_without_an_error_is_beaten_by_nobody_and_divides_nothing_by_zero():
    spotless = [replace(s, character_edits=0, word_edits=0) for s in scores()]
    assert gain_over(spotless, spotless)["cer"]["gain"] == 0
    assert gain_over(scores(), spotless)["verdict"] == "NEGATIVE TRANSFER"


def test_a_control_that_was_scored_on_other_clips_is_refused():
    with pytest.raises(ValueError, match="scored on 200 of 240 clips"):
        gain_over(scores(), scores()[40:])


@pytest.fixture
def project(tmp_path):
    """Evaluations of a head, a recipe and a control, as the stages before leave them."""
    evaluation = tmp_path / "evaluation"
    for name, found in {
        "head": fewer(scores(), 0.2),
        "top3": fewer(scores(), 0.5),
        "log_mel": scores(),
    }.items():
        curve = evaluation / name / "curves" / "plots" / "metrics" / "dev" / "cer.tsv"
        curve.parent.mkdir(parents=True)
        curve.write_text("step\tcer\n0\t1.0\n1\t0.4\n2\t0.41\n")
        write_scores(evaluation / name / "utterances.csv", found)
    return tmp_path


def run(project, **transfer):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["transfer"] |= transfer
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    return stage_runs.run("judge_transfer", "evaluation evaluation/transfer.json", project)


def test_the_stage_judges_every_model_and_says_so_and_its_file_is_the_same_twice(project):
    done, path = run(project), project / "evaluation" / "transfer.json"
    once = path.read_bytes()
    assert "head against log_mel, test: transfer helps: CER" in done.stdout, done.stderr
    verdicts = json.loads(once)
    assert list(verdicts) == ["head", "top3"]
    assert verdicts["top3"]["dev_cer"] == {"log_mel": 0.4}
    (whole,) = wholes(verdicts["top3"])
    assert verdicts["top3"]["gain"]["test"].items() <= whole["cer"].items()
    run(project)
    assert path.read_bytes() == once


def test_without_controls_the_stage_says_that_nothing_is_to_be_beaten(project):
    done = run(project, controls=[])
    assert "transfer.controls is empty" in done.stdout
    assert json.loads((project / "evaluation" / "transfer.json").read_text()) == {}


def test_a_control_that_was_never_evaluated_is_named(project):
    done = run(project, controls=["random"])
    assert done.returncode == 1
    assert "evaluation/random" in done.stderr
