"""How a model hears the same clips, recorded worse."""

import csv
from pathlib import Path

import jiwer
import pytest
from invented import model, write_corpus
from scored import PARAMS, scores
from stage_runs import params_of, write_params

from studies import robustness
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.summary import summarise
from voicegraft.model.saved import load_model, save_model
from voicegraft.pipeline.params import STUDIES_FILE, load_params
from voicegraft.speech.degradation import Condition, DegradedCorpus
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.robustness import CLEAN, Robustness, columns, rows

KNOBS = {
    "conditions": [{"noise": "white", "snr_db": [20, 0]}, {"telephone": "band"}],
    "seed": 1,
}
RATES, UTTERANCES = (f"evaluation/model/{name}.csv" for name in ("rates", "utterances"))
NOISY = Condition(noise="white", snr_db=0.0)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with a model that writes at random, and a corpus."""
    write_params(tmp_path, params_of() | {"robustness": KNOBS})
    write_corpus(tmp_path / "corpus", clips=48)
    save_model(model(), tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run() -> list[dict[str, str]]:
    robustness.main(*map(Path, ("model", "corpus", RATES, UTTERANCES)))
    return read(RATES)


def read(name: str) -> list[dict[str, str]]:
    with open(name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_clean_clips_are_scored_first_and_each_condition_once():
    repeated = {**KNOBS, "conditions": [*KNOBS["conditions"], {"noise": "white", "snr_db": [20]}]}
    tested = Robustness(**repeated).tested
    assert [(c.name, c.snr_db) for c in tested] == [
        *(("clean", None), ("white", 20), ("white", 0), ("band", None))
    ]


def test_a_line_has_the_rate_of_all_clips_and_its_paired_change_from_clean_ones():
    clean, noisy = scores(rate=0.2), scores(rate=0.5, seed=2)
    header = columns("cer")
    first, second = (
        dict(zip(header, row, strict=True))
        for row in rows({CLEAN: clean, NOISY: noisy}, "cer", PARAMS)
    )
    assert (first["condition"], first["snr_db"], second["snr_db"]) == ("clean", None, 0.0)
    assert first["change"] == first["change_low"] == first["change_high"] == 0
    total = sum(s.character_edits for s in noisy) / sum(s.characters for s in noisy)
    assert second["cer"] == pytest.approx(total, abs=1e-4)
    expected = summarise(noisy, PARAMS)
    assert {k: second[k] for k in expected if k in second} == {
        k: v for k, v in expected.items() if k in header and not k.startswith("wer")
    }
    found = difference(clean, noisy, "cer", PARAMS)
    assert second["change_low"] == pytest.approx(found.low, abs=1e-4)
    assert 0 < second["change_low"] < second["change"] < second["change_high"]


def test_pairs_are_surer_of_the_change_than_of_the_rates():
    header, noisy = columns("cer"), scores(rate=0.35)
    row = rows({CLEAN: scores(rate=0.3), NOISY: noisy}, "cer", PARAMS)[1]
    line = dict(zip(header, row, strict=True))
    assert line["change_high"] - line["change_low"] < 0.7 * (line["cer_high"] - line["cer_low"])


def test_the_stage_scores_predictions_on_audio_of_each_condition(project):
    lines = run()
    assert [(line["condition"], line["snr_db"]) for line in lines] == [
        *(("clean", ""), ("white", "20.0"), ("white", "0.0"), ("band", ""))
    ]
    loaded, corpus = load_model(project / "model", "cpu"), Corpus(project / "corpus")
    clips = corpus.of("test")
    for line, source in zip(lines[::2], (corpus, DegradedCorpus(corpus, NOISY, 1)), strict=True):
        hypotheses = [loaded.decode(loaded.emissions([source.wave(u)])[0]) for u in clips]
        expected = jiwer.cer([u.text for u in clips], hypotheses)
        assert float(line["cer"]) == pytest.approx(expected, abs=1e-4)
    assert lines[0]["cer"] != lines[2]["cer"]
    assert {line["clips"] for line in lines} == {str(len(clips))}


@pytest.mark.usefixtures("project")
def test_from_the_lines_of_clips_every_rate_is_computed_again():
    lines, clips = run(), read(UTTERANCES)
    for line in lines:
        own = [c for c in clips if all(c[k] == line[k] for k in ("condition", "snr_db"))]
        edits, length = (sum(int(c[k]) for c in own) for k in ("character_edits", "characters"))
        assert float(line["cer"]) == pytest.approx(edits / length, abs=1e-4)


@pytest.mark.usefixtures("project")
def test_the_same_model_gives_the_same_bytes():
    run()
    once = [Path(name).read_bytes() for name in (RATES, UTTERANCES)]
    run()
    assert [Path(name).read_bytes() for name in (RATES, UTTERANCES)] == once


def test_there_are_conditions_to_try_a_model_in():
    knobs = load_params(Robustness, "robustness", Path(__file__).parent.parent / STUDIES_FILE)
    assert len(knobs.tested) > 5
