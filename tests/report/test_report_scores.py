"""What the report says of models and their scores, and of what is missing."""

import json
import math
import shutil

import numpy as np
import pytest
from read import made, values
from reported import DESCRIPTION, ERROR_RATES, against, write_curve, write_json
from safetensors.numpy import save_file

from voicegraft.pipeline.tables import write_records
from voicegraft.report.findings import Findings
from voicegraft.report.models import evaluated
from voicegraft.studies.probe import Probed


def test_every_model_stands_in_the_table_with_its_rates_and_its_role(finished, page):
    for model in ERROR_RATES:
        metrics = json.loads((finished / "evaluation" / model / "rates.json").read_text())
        test = metrics["test"]
        cells = [
            f"{100 * test[r]:.1f} ({100 * test[f'{r}_low']:.1f}–{100 * test[f'{r}_high']:.1f})"
            for r in ("cer", "wer")
        ]
        assert " ".join(cells) in page.text
    assert "log_mel control" in page.text and "zero_shot zero-shot" in page.text
    assert "intervals of 95 %" in page.text


def test_the_page_is_named_after_the_corpus(page):
    assert "voicegraft: tones no" in page.text


def test_grafted_models_come_first_and_the_best_of_them_before_the_others(finished):
    order = [model.name for model in evaluated(Findings(finished), None)]
    assert order == ["top3", "head", "zero_shot", "log_mel"]


def test_what_was_compared_as_a_control_is_one_whatever_its_name(project):
    (project / "evaluation/log_mel").rename(project / "evaluation/deaf")
    assert "deaf grafted" in made(project).text
    compared = [against(0.5, "transfer helps", control="deaf")]
    head = {"verdict": "transfer helps", "best_control": "deaf", "comparisons": compared}
    write_json(project / "evaluation/transfer.json", {"head": head})
    assert "deaf control" in made(project).text


def test_a_folder_that_holds_no_evaluation_is_no_model(project):
    write_json(project / "evaluation/learning_curve/metrics.json", {"hours": [1, 2]})
    assert "learning_curve" not in Findings(project).models


def test_a_plot_shows_the_numbers_that_were_measured(finished, page):
    metrics = json.loads((finished / "evaluation/head/rates.json").read_text())
    rows = values(page.plots["CER"])
    (head,) = [row for row in rows if row["group"] == "head"]
    assert (head["value"], head["low"], head["high"]) == tuple(
        metrics["test"][name] for name in ("cer", "cer_low", "cer_high")
    )
    assert {row["group"] for row in rows} >= {"zero_shot (zero-shot)", "log_mel (control)"}


def test_confusions_are_counted_from_their_table(finished, page):
    table = (finished / "evaluation/head/confusion.csv").read_text().splitlines()
    for row in values(page.plots["Confusion matrix of head"]):
        assert table.count(f"{row['actual']},{row['predicted']}") == row["count"] > 0


def test_a_slice_has_a_mark_for_each_model(page):
    rows = values(page.plots["CER on test, by length in seconds"])
    assert len({row["group"] for row in rows}) > 1
    assert len({(row["group"], row["series"]) for row in rows}) == len(rows)
    assert len({row["series"] for row in rows}) == len(ERROR_RATES)


def test_a_model_has_the_same_colour_and_shape_in_every_plot(page):
    looks = {}
    for spec in page.plots.values():
        encoding = spec.get("layer", [spec])[-1]["encoding"]
        for channel in ("color", "shape"):
            scale = encoding.get(channel, {}).get("scale", {})
            for name, look in zip(scale.get("domain", []), scale.get("range", []), strict=True):
                looks.setdefault((name.split(" ")[0], channel), set()).add(look)
    assert {name for name, _ in looks} >= ERROR_RATES.keys()
    assert all(len(of_model) == 1 for of_model in looks.values())


def test_an_epoch_that_diverged_is_left_out_of_the_curve(project):
    write_curve(project, "head", "train/loss", [3.0, math.nan, math.inf, 1.0])
    rows = values(made(project).plots["Loss on train"])
    assert [(row["epoch"], row["value"]) for row in rows] == [(0, 3.0), (3, 1.0)]


def test_models_that_are_not_on_disk_are_named(project):
    shutil.rmtree(project / "models/head")
    page = made(project)
    assert "Missing: models/head , models/log_mel ." in page.text
    assert "whisper: 6 blocks, 512 size 6 0.5 s ctc_linear 5" in page.text


def test_a_model_on_several_layers_shows_what_each_has_learnt_to_count_for(project):
    write_json(project / "models/head/model.json", DESCRIPTION | {"layer": [3, 6]})
    logits = np.log(np.array([1, 3], np.float32))
    save_file({"mix.logits": logits}, project / "models/head/model.safetensors")
    for layer, weights in {3: [0.5, 0.25], 6: [0.5, 0.75]}.items():
        write_curve(project, "head", f"layer/{layer}", weights)
    page = made(project)
    assert "3: 25.0 %, 6: 75.0 %" in page.text
    drawn = values(page.plots["Weight of layer 6"])
    assert [(row["series"], row["value"]) for row in drawn] == [("head", 0.5), ("head", 0.75)]


def test_layers_that_were_probed_are_drawn_with_their_intervals_and_none_if_none_was(project):
    assert not [title for title in made(project).plots if "Layers" in title]
    probed = [Probed(0, 0.0312, -0.01, 0.06, 16, 5), Probed(1, 0.25, 0.2, 0.3, 16, 5)]
    write_records(project / "evaluation/layers.csv", Probed, probed)
    rows = values(made(project).plots["Layers of the upstream: explained variance of letters"])
    assert [(r["group"], r["value"], r["low"], r["high"]) for r in rows] == [
        ("layer 0", 0.0312, -0.01, 0.06),
        ("layer 1", 0.25, 0.2, 0.3),
    ]
    write_records(project / "evaluation/layers.csv", Probed, [])
    assert not [title for title in made(project).plots if "Layers" in title]


def test_texts_and_sessions_that_leak_are_pointed_out_and_speakers_are_not(page):
    assert "train-test 3 4 ⚠ 9 ⚠ 0" in page.text
    assert "too long 7" in page.text


@pytest.mark.parametrize(
    "gone", ["models", "data", "evaluation/corpus.json", "evaluation/head/confusion.csv"]
)
def test_whatever_else_is_missing_the_page_is_made(project, gone):
    path = project / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert "Scores" in made(project).text


def test_without_speakers_and_curves_nothing_is_plotted_and_the_page_reports_it(project):
    for curves in project.glob("evaluation/*/curves"):
        shutil.rmtree(curves)
    assert "dvc repro writes evaluation/<model>/curves" in made(project).text


def test_a_fine_tuned_model_shows_the_share_that_learnt_and_the_cer_of_the_old_head(project):
    assert "393,216" not in made(project).text
    learnt = {"upstream": 393_216, "head": 20, "share": 0.019834}
    cost = {"head": {"cer_before": 0.2204, "cer_after": 0.3168}, "weights_changed": 0, "layer": {}}
    write_json(project / "evaluation/top3/training.json", learnt)
    write_json(project / "evaluation/top3/forgetting.json", cost)
    text = made(project).text
    assert "393,216, 2.0 %" in text
    assert "22.0 → 31.7" in text
