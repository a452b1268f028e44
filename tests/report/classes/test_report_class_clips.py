"""The clips of classifiers to listen to: which are shown, and what each was taken for."""

import csv
import math
import shutil

from labelled import clip
from read import made
from reported_classes import RIGHT

from voicegraft.report.clips import ClassClip, shown_class_clips
from voicegraft.report.findings import Findings


def test_the_worst_clip_is_the_one_whose_class_was_given_least(finished):
    with open(finished / "evaluation/mfcc/utterances.csv", encoding="utf-8", newline="") as file:
        loss = {row["id"]: float(row["loss"]) for row in csv.DictReader(file)}
    shown = shown_class_clips(Findings(finished), ["mfcc"], 3)
    assert [c.rank for c in shown] == [*["worst"] * 3, *["median"] * 3, *["best"] * 3]
    found = [c.score.loss for c in shown]
    falling = sorted(loss.values(), reverse=True)
    assert found[:3] == falling[:3]
    assert found[-3:] == falling[:-4:-1]


def test_the_probability_of_a_class_is_recovered_from_its_loss():
    assert ClassClip("head", "worst", clip(0, "a", "b", loss=-math.log(0.25))).given == 0.25
    unlearnt = ClassClip("head", "worst", clip(0, "a", "b", loss=math.inf))
    assert unlearnt.given == 0


def test_a_wrong_clip_shows_both_classes_and_a_right_one_its_own_alone(finished, page):
    shown = shown_class_clips(Findings(finished), RIGHT, 3)
    wrong = [c for c in shown if not c.score.correct]
    assert page.text.count("predicted ") >= len(wrong) > 0
    first = wrong[0].score
    given = f"{100 * wrong[0].given:.1f} %"
    other = f"{100 * first.probability:.1f} %"
    assert f"actual {first.label} {given} predicted {first.predicted} {other}" in page.text


def test_every_clip_sounds_and_can_be_filtered_by_both_classes(page):
    rows = page.all("tr")
    shown = [row for row in rows if "data-given" in row]
    assert len(shown) == 9 * len(RIGHT)
    assert {row["data-id"] for row in shown} == page.recordings.keys()
    assert all(row["data-actual"] and row["data-predicted"] for row in shown)
    assert {"actual", "predicted"} <= {select["name"] for select in page.all("select")}


def test_without_the_corpus_there_are_classes_and_no_players(finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "words")
    shutil.rmtree(project / "data")
    page = made(project)
    assert page.all("audio") == [] and "There is no sound" in page.text
    assert len([row for row in page.all("tr") if "data-given" in row]) == 9 * len(RIGHT)


def test_with_no_clips_no_voice_is_on_the_page(finished):
    page = made(finished, 0)
    assert "audio" not in {tag for tag, _ in page.tags}
    assert "For eyes here only" not in page.text
