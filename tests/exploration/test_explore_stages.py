"""The stages that explore, as commands, on the invented language of tones."""

import csv
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import stage_runs
from invented import model, store_corpus, write_corpus

from voicegraft.model.saved import save_model
from voicegraft.speech.manifest import Corpus, write_manifest

PARAMS = stage_runs.params_of()
CLIPS = 72


def quick_params() -> dict:
    few = {"draws": 2, "units": [4], "listed": 20}
    explore = PARAMS["explore"] | few | {"clips": 40}
    kept = {name: PARAMS[name] for name in ("corpus", "privacy")}
    return kept | {
        "explore": explore,
        "align_texts": PARAMS["align_texts"] | few | {"minutes": 0.2},
    }


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A corpus, the same with labels, in which a clip is there twice, their states and a model."""
    folder = tmp_path_factory.mktemp("explored")
    stage_runs.write_params(folder, quick_params())
    corpus = write_corpus(folder / "corpus", CLIPS)
    *clips, last = corpus.utterances
    place = {"first_sample": clips[4].first_sample, "samples": clips[4].samples}
    clips = [*clips, replace(last, **place, text=clips[4].text[::-1])]
    write_manifest(folder / "corpus/manifest.csv", clips)
    store_corpus(folder / "embeddings", Corpus(folder / "corpus"), model())
    shutil.copytree(folder / "corpus", folder / "words")
    write_manifest(folder / "words/manifest.csv", [replace(c, label=c.text[0]) for c in clips])
    save_model(model(), folder / "head")
    for corpus, out in (("corpus", "texts"), ("words", "labels")):
        assert stage_runs.run("explore", f"{corpus} embeddings {out}", folder).returncode == 0
    aligning = stage_runs.run("align_texts", "head corpus embeddings aligned", folder)
    assert aligning.returncode == 0
    return folder


def test_a_copy_with_another_text_is_found_and_reported_to_contradict(project) -> None:
    pairs = rows(project / "texts/duplicates.csv")  # tones of one text are all but copies, too
    (pair,) = [p for p in pairs if (p["id"], p["other"]) == ("clip4", f"clip{CLIPS - 1}")]
    assert (pair["split"], pair["other_split"], pair["agree"]) == ("train", "test", "False")
    assert float(pair["same_sound"]) == 1


def test_duplicates_are_counted_whether_they_are_listed_or_not(project) -> None:
    found = json.loads((project / "texts/found.json").read_text())
    pairs = rows(project / "texts/duplicates.csv")
    assert found["duplicates"] >= len(pairs)
    assert found["contradicting_duplicates"] >= sum(p["agree"] == "False" for p in pairs) >= 1


def test_suspects_are_of_texts_or_of_labels_whichever_the_corpus_has(project) -> None:
    texts, labels = (rows(project / out / "suspects.csv") for out in ("texts", "labels"))
    assert len(texts) == len(labels) == 20
    assert {"letters", "pace"} <= texts[0].keys()
    confidence = [float(row["confidence"]) for row in labels]
    assert confidence == sorted(confidence)
    assert {row["label"] for row in labels} <= set("abř")


def test_clips_lie_on_the_map_under_their_label_or_else_their_speaker(project) -> None:
    assert {row["group"] for row in rows(project / "labels/map.csv")} == set("abř")
    groups = [row["group"] for row in rows(project / "texts/map.csv")]
    assert set(groups) == {"voice0", "voice1", "voice2"}
    assert len(groups) == 40


def test_units_are_compared_with_what_is_known_and_stand_beside_log_mel_and_chance(project) -> None:
    clips, frames = (rows(project / out / "units.csv") for out in ("labels", "aligned"))
    assert {row["against"] for row in clips} == {"speaker", "label"}
    assert {row["against"] for row in frames} == {"character"}
    for of in (clips, frames):
        features = {row["features"] for row in of}
        assert features == {"layer 0", "layer 1", "layer 2", "log_mel"}
        assert all(0 <= float(row["chance"]) < 1 for row in of)


def test_texts_that_no_head_was_taught_are_still_ranked_by_misfit(project) -> None:
    suspects = rows(project / "aligned/suspects.csv")
    above = [float(row["above_side"]) for row in suspects]
    assert above == sorted(above, reverse=True)


def test_no_text_is_written_where_git_sees_it(project) -> None:
    texts = {clip.text for clip in Corpus(project / "corpus").utterances}
    for out in ("texts", "labels", "aligned"):
        for path in (project / out).glob("*.csv"):
            cells = {cell for row in rows(path) for cell in row.values()}
            assert not cells & {text for text in texts if len(text) > 1}


@pytest.mark.parametrize("corpus", ["corpus", "words"])
def test_on_two_threads_the_bytes_are_those_of_one(project, tmp_path, corpus) -> None:
    once = project / {"corpus": "texts", "words": "labels"}[corpus]
    command = stage_runs.command("explore", f"{corpus} embeddings {tmp_path}")
    two = os.environ | {"OMP_NUM_THREADS": "2"}
    subprocess.run(command, cwd=project, env=two, check=True, capture_output=True)
    for path in once.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("section", "change", "words"),
    [
        ("explore", {"units": [1]}, ["explore.units", "1", "greater than or equal to 2"]),
        ("explore", {"same_sound": 1.5}, ["explore.same_sound", "1.5"]),
        ("align_texts", {"draws": 1}, ["align_texts.draws", "1", "greater than or equal to 2"]),
    ],
)
def test_a_wrong_knob_is_refused_by_its_name_its_value_and_the_choices(
    tmp_path, section, change, words
) -> None:
    params = quick_params()
    params[section] |= change
    stage_runs.write_params(tmp_path, params)
    arguments = {"explore": ["c", "e", "out"], "align_texts": ["m", "c", "e", "out"]}[section]
    done = stage_runs.run(section, " ".join(arguments), tmp_path)
    assert done.returncode == 1
    assert all(word in done.stderr for word in words)
