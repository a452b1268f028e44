"""What the benchmarks compute from what they time."""

import json
import re
import subprocess

import numpy as np
import pytest
import soundfile
from annotated import read
from committed import begin, commit
from invented import write_corpus
from scored import PARAMS, scores

from benchmarks import (
    calibration,
    decoding,
    defaults,
    elan_project,
    growth,
    inventions,
    long_texts,
    report,
    results,
    results_table,
    robustness_table,
    self_training_table,
    settings,
    speed_table,
    timing,
    transfer_table,
)
from benchmarks.long_texts import Spoken
from voicegraft.inference.long_texts import Sentence
from voicegraft.model.head import HeadChoice
from voicegraft.pipeline import plugins
from voicegraft.pipeline.params import load_params, merged
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus
from voicegraft.training.fit import Fit
from voicegraft.training.recipe import load_recipe
from voicegraft.training.records import write_curves

SIDES = ("dev", "test", "unseen")
SPREAD = {"ratio": 3.0, "low": 2.0, "high": 4.0}


def test_ways_are_timed_in_turn_once_a_round():
    called = []
    ways = {name: lambda name=name: called.append(name) for name in "ab"}
    seconds = timing.in_turn(ways, rounds=3)
    assert called == list("ababab")
    assert {name: len(took) for name, took in seconds.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_that_of_each_round_and_not_of_the_medians():
    assert timing.ratio([4.0, 9.0, 20.0], [2.0, 3.0, 5.0]) == {"ratio": 3, "low": 2, "high": 4}


def test_a_speed_is_seconds_of_audio_by_seconds_of_work():
    found = decoding.times_real_time(100.0, [2.0, 4.0, 5.0])
    assert found == {"speed": 25, "low": 20, "high": 50}
    part = {"decoding": {"measured": {"beam": found}}}
    line = "| beam | 25 (20–50) |\n"
    assert speed_table.decoding(part) == speed_table.DECODING_HEADER + line


def test_the_recording_to_time_is_the_test_clips_with_pauses(corpus, tmp_path):
    seconds = decoding.join(corpus, tmp_path / "test.wav")
    clips = corpus.of("test")
    pauses = len(clips) * decoding.PAUSE_SECONDS
    assert seconds == pytest.approx(sum(u.seconds for u in clips) + pauses)
    wave, rate = soundfile.read(tmp_path / "test.wav", dtype="int16")
    assert (len(wave) / rate, rate) == (pytest.approx(seconds), SAMPLE_RATE)
    assert np.array_equal(wave[: clips[0].samples], corpus.samples(clips[0]))


def test_a_repeated_corpus_is_as_long_as_asked_and_has_no_clip_twice(corpus, tmp_path):
    hours = 3 * sum(u.seconds for u in corpus.utterances) / 3600
    growth.repeat(corpus, hours, tmp_path / "long")
    longer = Corpus(tmp_path / "long")
    waves = [longer.samples(u).tobytes() for u in longer.utterances]
    assert len(set(waves)) == len({u.id for u in longer.utterances}) == len(waves)
    assert sum(u.seconds for u in longer.utterances) >= hours * 3600 - 1 / SAMPLE_RATE
    first = corpus.samples(corpus.utterances[0])
    assert np.abs(longer.samples(longer.utterances[0]).astype(int) - first).max() == 1


def test_a_part_that_is_measured_again_takes_the_place_of_the_old_one_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(results, "machine", dict)
    results.keep("one", {"seconds": [1.23456789]})
    results.keep("other", {"n": 1})
    results.keep("other", {"n": 2})
    kept = json.loads((tmp_path / "results.json").read_text())
    assert {part: kept[part]["measured"] for part in kept} == {
        "one": {"seconds": [1.235]},
        "other": {"n": 2},
    }


def test_a_table_has_a_line_for_what_was_measured_and_none_for_what_was_not():
    assert speed_table.ratios({}) == speed_table.RATIO_HEADER
    part = {"measured": {"clips_as_they_come": {"transformers": SPREAD}}}
    line = "| encoding clips as they come, by transformers | 3.00 (2.00–4.00) |\n"
    assert speed_table.ratios({"encoding": part}) == speed_table.RATIO_HEADER + line


def test_a_window_that_is_worse_shows_by_how_much_and_how_surely():
    row = {"dev_cer": 0.25, "dev_cer_low": 0.24, "dev_cer_high": 0.26}
    row |= {"difference": 0.01, "difference_low": -0.002, "difference_high": 0.03}
    row |= {"encoding_times_real_time": 98.7}
    table = speed_table.windows({"windows": {"measured": {"30": row}}})
    line = "| the whole window of 30 s | 25.0 (24.0 to 26.0) | +1.0 (-0.2 to +3.0) | 99 |\n"
    assert table == speed_table.WINDOW_HEADER + line


def test_the_mean_over_corpora_is_surer_than_each_of_them():
    assert defaults.mean([(0.2, 0.1, 0.4), (0.4, 0.3, 0.6)]) == pytest.approx(
        (0.3, 0.3 - 2**0.5 * 0.1 / 2, 0.3 + 2**0.5 * 0.2 / 2)
    )


def test_settings_are_compared_with_the_first_clip_by_clip():
    first = [scores(split="dev"), scores(seed=2, split="dev")]
    begun = defaults.cells(first, None, PARAMS)
    again = defaults.cells(first, first, PARAMS)
    assert [cell.partition(" (")[0] for cell in begun] == [cell[:4] for cell in again]
    assert all(cell.endswith(": +0.0 (+0.0 to +0.0)") for cell in again)
    *_, worse = defaults.cells([scores(rate=0.5, split="dev")] * 2, first, PARAMS)
    low = re.search(r": \+\d+\.\d \(([+-]\d+\.\d) to", worse)
    assert low and float(low[1]) > 5


@pytest.mark.parametrize("setting", settings.HEADS, ids=lambda setting: setting.name)
def test_a_setting_of_the_head_changes_knobs_and_sizes_that_there_are(setting):
    knobs = load_params(Fit, "train_head").model_dump()
    assert merged(knobs, setting.fit).keys() == knobs.keys()
    Fit.model_validate(merged(knobs, setting.fit))
    choice = load_params(HeadChoice, "head").model_copy(update=setting.head)
    assert choice.name in plugins.names("heads")
    assert setting.sizes.keys() <= vars(plugins.load("heads", choice.name)).keys()


@pytest.mark.parametrize("setting", settings.RECIPES, ids=lambda setting: setting.name)
def test_a_setting_of_a_recipe_changes_knobs_that_there_are(setting):
    recipe = load_recipe(setting.recipe)
    changed = type(recipe).model_validate(merged(recipe.model_dump(), setting.changes))
    assert (changed == recipe) == (setting.name == "as in params.yaml")


def test_a_mark_without_its_partner_or_its_table_is_refused(tmp_path):
    with pytest.raises(ValueError, match="<!-- reruns --> has no partner"):
        report.with_tables("a\n<!-- reruns -->\nb\n", tmp_path)
    with pytest.raises(ValueError, match="<!-- speed --> is no table; here are: results, "):
        report.with_tables("<!-- speed -->\n<!-- /speed -->\n", tmp_path)
    whole = report.with_tables("a\n<!-- reruns -->\nold\n<!-- /reruns -->\nb", tmp_path)
    assert whole == f"a\n<!-- reruns -->\n{speed_table.RERUN_HEADER}<!-- /reruns -->\nb"


def test_a_table_of_a_revision_has_its_numbers_whatever_lies_in_the_tree(tmp_path):
    begin(tmp_path)
    rate = {f"cer{end}": 0.25 for end in ("", "_low", "_high")}
    rate |= {f"wer{end}": 0.5 for end in ("", "_low", "_high")}
    path = tmp_path / "evaluation" / "full" / "rates.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"test": rate, "unseen": rate}))
    commit(tmp_path)
    head = ["git", "-C", str(tmp_path), "rev-parse", "HEAD"]
    revision = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    path.unlink()
    marks = f"<!-- all_results at {revision} -->\n<!-- /all_results -->\n"
    row = "| all blocks unfrozen, from audio | 25.0 (25.0–25.0) | 50.0 (50.0–50.0) |"
    assert row in report.with_tables(marks, tmp_path)
    with pytest.raises(ValueError, match="0123456"):
        report.with_tables(marks.replace(revision, "0123456"), tmp_path)


def test_calibration_draws_new_test_sets_of_whole_sessions_for_both_alike():
    old, new = calibration.resampled((scores(), scores(seed=2)), np.random.default_rng(1))
    assert [s.id for s in old] == [s.id for s in new]
    assert len({s.session for s in old}) == len({s.session for s in scores()})
    assert {s.session.partition("/")[2] for s in old} < {s.session for s in scores()}


def test_calibration_counts_how_often_a_planted_difference_is_found():
    rng = np.random.default_rng(1)
    alike = list(calibration.pairs([scores(), scores()], 10, rng))
    halved = [(old, calibration.better(old, 0.5, rng)) for old, _ in alike]
    assert calibration.verdicts(alike, PARAMS) == {"indistinguishable": 1}
    assert calibration.verdicts(halved, PARAMS) == {"better": 1}


def test_labels_spared_are_reported_with_their_interval_or_that_more_would_have_to_be_tried(
    tmp_path,
):
    found = {"control_cer": 0.456, "control_minutes": 60, "minutes": 4.2, "minutes_low": 3.1}
    found |= {"minutes_high": None, "minutes_spared": 55.8}
    found |= {"training_seconds": 50, "control_training_seconds": 200}
    path = tmp_path / "learning_curve" / "log_mel" / "metrics.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(found))
    for model, curve in (("head", [1.0, 0.7, 0.3]), ("log_mel", [1.0, 0.8, 0.6, 0.5, 0.55])):
        history = [{"step": n, "dev/cer": cer} for n, cer in enumerate(curve)]
        write_curves(history, tmp_path / model / "curves")
    cells = "4.2 min (3.1 min – more than was tried) | 55.8 min | 2, not 3"
    line = f"| log_mel | 45.6, 60 min | {cells} |\n"
    assert transfer_table.spared(tmp_path) == transfer_table.SPARED + line


def test_worse_recordings_have_a_row_each_and_models_that_were_tested_a_column(tmp_path):
    header = "condition,snr_db,cer,cer_low,cer_high\n"
    for model, rows in {
        "head": "clean,,0.2,0.1,0.3\nwhite,20.0,0.25,0.2,0.3\nroom0.3,,0.5,0.4,0.6\n",
        "top3_augmented": "clean,,0.1,0.05,0.15\n",
    }.items():
        (tmp_path / model).mkdir()
        (tmp_path / model / "robustness.csv").write_text(header + rows)
    lines = robustness_table.table(tmp_path).splitlines()
    assert lines[0].count("|") == 4
    assert lines[2:] == [
        "| as recorded | 20.0 (10.0–30.0) | 10.0 (5.0–15.0) |",
        "| white noise at 20 dB | 25.0 (20.0–30.0) |  |",
        "| a room whose echo lasts 0.3 s | 50.0 (40.0–60.0) |  |",
    ]


def test_a_student_stands_below_what_it_is_held_against(tmp_path):
    rate = {"old": 0.3, "new": 0.25, "change": -0.05, "low": -0.07, "high": -0.03}
    found = {side: {of: {"cer": rate} for of in ("teacher", "longer")} for side in SIDES}
    for name, numbers in {
        "self_training/head/metrics": found
        | {"labelled_minutes": 10.06, "unlabelled_minutes": 54.9},
        "head/rates": {side: {"cer": 0.2} for side in ("test", "unseen")},
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / f"{name}.json").write_text(json.dumps(numbers))
    write_curves(
        [{"step": 0, "dev/cer": 0.21}, {"step": 1, "dev/cer": 0.2}], tmp_path / "head/curves"
    )
    rows = [line.split(" | ") for line in self_training_table.table(tmp_path).splitlines()[2:]]
    assert [row[1].rstrip(" |") for row in rows] == [
        *("30.0", "30.0", "25.0"),
        *["−5.0 (−7.0 to −3.0)"] * 2,
        "20.0",
    ]


def test_a_table_has_no_row_of_a_model_of_another_corpus(tmp_path):
    rates = {f"{rate}{end}": 0.2 for rate in ("cer", "wer") for end in ("", "_low", "_high")}
    for place, found in {
        "corpus.json": {"of": ["corpus:c"]},
        "head/rates.json": {"of": ["corpus:c"], "test": rates, "unseen": rates},
        "full/rates.json": {"of": ["corpus:x"], "test": rates, "unseen": rates},
        "lora/rates.json": {"test": rates, "unseen": rates},
    }.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(json.dumps(found))
    table = results_table.table(tmp_path, ["head", "full", "lora"])
    rows = table.removeprefix(results_table.HEADER).splitlines()
    assert [row.split(" | ")[0] for row in rows] == ["| head on frozen states"]


def found_at(start: float, end: float, problem: str = "") -> Sentence:
    return Sentence("x", start, end, 0.0, problem)


def test_boundaries_pairs_and_losses_are_counted_as_they_are_defined():
    spoken = Spoken(before=1.0, start=1.5, end=3.0, after=3.5)
    cases = [
        (found_at(1.1, 3.4), spoken),  # both in the pauses
        (found_at(0.8, 3.7), spoken),  # both within 0.3 s of them
        (found_at(0.6, 2.6), spoken),  # neither
        (found_at(4.0, 6.0), spoken),  # somebody else
        (found_at(1.0, 3.0), None),  # nobody
        (found_at(0.0, 0.0, "not spoken"), None),
        (found_at(0.0, 0.0, "not spoken"), spoken),
    ]
    assert long_texts.counts(*zip(*cases, strict=True)) == {
        "boundaries within 0.3 s": (4, 8),
        "wrong pairs kept": (2, 5),
        "right ones lost": (1, 5),
    }


def test_a_room_that_sounds_on_is_no_speech():
    time = np.arange(32_000) / 16_000
    wave = np.where(time < 1, 0.5, 0.5 * 10 ** (-(time - 1) * 3)) * np.sin(2 * np.pi * 300 * time)
    first, last = long_texts.speech(wave)
    assert first < 1_000 and 16_000 < last < 16_000 + 16_000 // 2


def test_an_elan_project_has_what_was_said_and_what_overlaps_is_a_problem(tmp_path):
    corpus = write_corpus(tmp_path / "corpus", clips=48)
    elan_project.main(tmp_path / "corpus", tmp_path / "tapes", tmp_path / "talk.wav")
    found = read("elan", tmp_path / "tapes", elan_project.UTTERANCE)
    kept = [clip for clip in found if not clip.problem]
    assert {clip.problem for clip in found} == {"", "overlaps another segment"}
    said = {(clip.text, clip.speaker) for clip in kept}
    assert said <= {(f"{u.text.capitalize()}.", u.speaker) for u in corpus.utterances}
    assert len(corpus.of("train")) / 2 < len(kept) < len(corpus.of("train"))
    talk = soundfile.info(tmp_path / "talk.wav").duration
    assert talk > sum(clip.seconds for clip in corpus.of("test"))


def test_short_recordings_are_heard_whole_and_long_ones_give_what_those_lack(tmp_path):
    seconds = {"long.wav": 2 * inventions.SECONDS, "short.wav": 3, "audio-channel.wav": 9}
    for place, name in enumerate(seconds, 1):
        soundfile.write(tmp_path / name, np.full(seconds[name] * 8_000, place / 10), 8_000)
    (tmp_path / "music.ogg.meta").write_text("of a tune")
    soundfile.write(tmp_path / "silent.wav", np.zeros(8_000), 8_000)
    found = inventions.recorded(tmp_path, "audio-channel")
    assert len(found) == inventions.SECONDS * SAMPLE_RATE
    assert np.abs(found[SAMPLE_RATE]) == pytest.approx(0.2, abs=0.02)
    assert found[-SAMPLE_RATE] == pytest.approx(0.1, abs=0.02)


def test_words_a_minute_have_an_interval_and_none_that_of_poissons_distribution():
    minutes = np.full(20, 0.25)
    assert inventions.cell(np.zeros(20), minutes) == f"0.0 (0.0–{3.689 / 5:.1f})"
    assert inventions.cell(np.full(20, 2), minutes) == "8.0 (8.0–8.0)"
    found = inventions.cell(np.tile([0, 4], 10), minutes)
    low, high = map(float, re.findall(r"[\d.]+", found)[1:])
    assert low < 8 < high
