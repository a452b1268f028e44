"""Slices and the summary of metrics.json, on invented scores."""

import json
from dataclasses import replace

import pytest

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.interval import rate_interval, resampled_rates
from voicegraft.evaluation.report import headline, worst
from voicegraft.evaluation.scores import Score, parse_scores, score, write_scores
from voicegraft.evaluation.summary import (
    Evaluate,
    by_duration,
    by_speaker,
    metrics,
    slice_metrics,
    summarise,
)
from voicegraft.pipeline.params import ParamsError, load_params
from voicegraft.speech.manifest import Utterance

KNOBS = {
    "batch_seconds": 60.0,
    "resamples": 1000,
    "confidence": 0.95,
    "seed": 1,
    "duration_edges_seconds": [2, 4],
    "fewest_speaker_clips": 3,
}
PARAMS = Evaluate.model_validate(KNOBS)


def clip(number, edits=1, seconds=1.0, speaker="ann", session="", split="test"):
    return Score(
        id=f"{split}/{number}",
        split=split,
        speaker=speaker,
        session=session,
        block=session or speaker,
        seconds=seconds,
        characters=10,
        character_edits=edits,
        words=2,
        word_edits=min(edits, 2),
        unknown_characters=0,
    )


def utterance(number, text, split="test", speaker="", session=""):
    return Utterance(f"{split}/{number}", split, speaker, session, 0, 16_000, text)


def test_a_clip_on_an_edge_belongs_to_the_longer_bin():
    bins = by_duration([clip(1, seconds=s) for s in (0.1, 1.999, 2.0, 4.0, 60.0)], [2, 4])
    assert {name: len(group) for name, group in bins.items()} == {"0-2": 2, "2-4": 1, "4+": 2}


def test_empty_bins_are_left_out_and_the_rest_stand_in_order():
    assert list(by_duration([clip(1, seconds=s) for s in (5.0, 1.0)], [2, 4])) == ["0-2", "4+"]


def test_rare_voices_are_pooled():
    voices = ["ann"] * 4 + ["bob"] * 3 + ["cy", "di"]
    groups = by_speaker([clip(i, speaker=v) for i, v in enumerate(voices)], fewest_clips=3)
    assert {name: len(group) for name, group in groups.items()} == {"ann": 4, "bob": 3, "other": 2}


def test_a_corpus_without_voices_has_no_slices_by_voice():
    assert by_speaker([clip(1, speaker=""), clip(2, speaker="ann")], 1) == {}
    assert by_speaker([clip(1), clip(2)], 1) == {}


def test_slices_of_a_split_add_up_to_it():
    scores = [clip(i, i % 5, seconds=i / 4, speaker=f"v{i % 3}") for i in range(30)]
    whole, parts = metrics(scores, PARAMS)["test"], slice_metrics(scores, PARAMS)
    assert {part["split"] for part in parts} == {"test"}
    for kind in ("seconds", "speaker"):
        groups = [part for part in parts if part["kind"] == kind]
        assert sum(s["clips"] for s in groups) == whole["clips"] == 30
        edits = sum(s["cer"] * 10 * s["clips"] for s in groups)
        assert edits == pytest.approx(whole["cer"] * 300, abs=0.1)


def test_the_interval_of_one_voice_rests_on_its_sessions():
    scores = [clip(i, edits=i % 7, session=f"day{i % 6}") for i in range(40)]
    summary = summarise(scores, PARAMS)
    assert (summary["blocks"], summary["block_unit"]) == (6, "session")
    edits, blocks = [s.character_edits for s in scores], choose_blocks(scores)
    drawn = resampled_rates(edits, [10] * 40, blocks, 1000, 1)
    expected = rate_interval(sum(edits) / 400, drawn, blocks, 0.95)
    assert (summary["cer_low"], summary["cer_high"]) == pytest.approx(expected, abs=1e-4)


def test_four_speakers_are_four_blocks_and_their_interval_is_marked_as_rough():
    scores = [clip(i, edits=i % 7, speaker=f"v{i % 4}") for i in range(400)]
    found = metrics(scores, PARAMS)
    assert (found["test"]["blocks"], found["test"]["block_unit"]) == (4, "speaker")
    assert found["test"]["rough"] and "rough" in headline(found)[0]
    many = metrics([clip(i, speaker=f"v{i % 8}") for i in range(80)], PARAMS)
    assert not many["test"]["rough"] and "rough" not in headline(many)[0]


def test_clips_without_an_error_still_leave_room_for_some():
    (found,) = metrics([clip(i, 0, speaker=f"v{i % 10}") for i in range(50)], PARAMS).values()
    assert (found["cer"], found["cer_low"], found["wer_low"]) == (0, 0, 0)
    assert found["cer_high"] == found["wer_high"] == pytest.approx(1 - 0.025**0.1, abs=1e-4)


def test_a_slice_with_few_sessions_falls_back_to_clips_and_reports_it():
    scores = [clip(i, session=f"day{i % 6}", seconds=1 + (i % 6)) for i in range(30)]
    assert metrics(scores, PARAMS)["test"]["block_unit"] == "session"
    shortest = slice_metrics(scores, PARAMS)[0]
    assert (shortest["slice"], shortest["block_unit"]) == ("0-2", "utterance")


def test_no_model_beats_its_floor_of_unknown_characters():
    clips = [utterance(i, "žebra žere ž") for i in range(6)]
    perfect_without_z = ["ebra ere"] * 6
    summary = metrics(score(clips, perfect_without_z, ["", " ", *"abre"]), PARAMS)["test"]
    assert summary["oov_floor"] == pytest.approx(3 / 12)
    assert summary["cer"] >= summary["oov_floor"]
    anything_goes = metrics(score(clips, perfect_without_z, None), PARAMS)["test"]
    assert anything_goes["oov_floor"] == 0


def test_scores_come_back_from_their_file_as_they_were(tmp_path):
    clips = [utterance(i, "a, b\u001dc", session="") for i in range(3)]
    scores = score(clips, ["a", "b", ""], labels=None)
    write_scores(tmp_path / "utterances.csv", scores)
    assert parse_scores((tmp_path / "utterances.csv").read_text(encoding="utf-8")) == scores


def test_utterances_csv_holds_no_text(tmp_path):
    write_scores(tmp_path / "u.csv", score([utterance(1, "secret words")], ["sacred"], None))
    text = (tmp_path / "u.csv").read_text()
    assert "secret" not in text and "sacred" not in text


def test_worst_clips_are_as_many_as_asked_for_and_long_ones_come_first_among_equals():
    scores = [clip(i, edits=i % 10) for i in range(30)]
    scores.append(replace(clip("long"), characters=100, character_edits=90))
    found = worst(scores, 20)
    assert len(found) == 20
    assert found[0].id == "test/long"
    assert [s.cer for s in found] == sorted((s.cer for s in scores), reverse=True)[:20]


@pytest.mark.parametrize(
    "key, value",
    [
        ("resamples", 10),
        ("confidence", 95),
        ("duration_edges_seconds", [4, 2]),
        ("duration_edges_seconds", ["2"]),
        ("seed", "one"),
    ],
)
def test_a_wrong_knob_is_refused_by_name(tmp_path, key, value):
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps({"evaluate": KNOBS | {key: value}}))
    with pytest.raises(ParamsError, match=f"evaluate.{key}"):
        load_params(Evaluate, "evaluate", path)
