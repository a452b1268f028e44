"""Clips to listen to: which are shown, how their texts are aligned, how they sound."""

import io
import random
import shutil
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from read import made

from voicegraft.evaluation.scores import Score
from voicegraft.report.clips import aligned, as_mp3, by_word, ranked_by_cer, visible
from voicegraft.report.findings import Findings
from voicegraft.speech.manifest import SAMPLE_RATE


def levenshtein(one, other):
    """The textbook's, row by row."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


@pytest.mark.parametrize("seed", range(50))
def test_an_alignment_spells_both_texts_with_as_few_edits_as_the_textbook(seed):
    dice = random.Random(seed)
    one, other = ("".join(dice.choices("ab ř", k=dice.randrange(12))).strip() for _ in range(2))
    pieces = list(aligned(one, other))
    assert "".join(p.reference for p in pieces) == one
    assert "".join(p.hypothesis for p in pieces) == other
    edits = [p for p in pieces if p.kind != "equal"]
    assert len(edits) == levenshtein(one, other)
    assert all(len(p.reference) <= 1 >= len(p.hypothesis) for p in edits)
    assert [p for word in by_word(pieces) for p in word] == pieces


def test_lines_may_end_at_spaces_that_both_texts_have_and_nowhere_else():
    words = [list(word) for word in by_word(aligned("to je ryba", "toje ryba"))]
    assert ["".join(p.reference for p in word) for word in words] == ["to je ", "ryba"]


def test_a_space_and_a_mark_without_its_letter_can_be_seen():
    assert [visible(c) for c in (" ", "\u0301", "a", "")] == ["␣", "◌\u0301", "a", ""]


def test_every_clip_is_shown_once_from_the_worst_to_the_best():
    scores = [score(number, edits) for number, edits in enumerate([0, 1, 2, 3, 4, 5, 6, 7, 8])]
    assert [(rank, s.character_edits) for rank, s in ranked_by_cer(scores, 2)] == [
        *(("worst", 8), ("worst", 7)),
        *(("median", 3), ("median", 4)),
        *(("best", 0), ("best", 1)),
    ]
    for count in (0, 4, 100):
        shown = [s.id for _, s in ranked_by_cer(scores, count)]
        assert len(shown) == len(set(shown)) == (9 if count else 0)


def score(number, edits, characters=10):
    own = {"id": f"{number}", "split": "test", "speaker": "", "session": "", "block": ""}
    counts = {"characters": characters, "character_edits": edits, "words": 2, "word_edits": 1}
    return Score(**own, **counts, seconds=1.0, unknown_characters=0)


def test_of_clips_without_an_error_the_longest_is_the_best():
    scores = [score(0, 0, 3), score(1, 0, 30), replace(score(2, 5), id="2")]
    assert [s.id for rank, s in ranked_by_cer(scores, 1) if rank == "best"] == ["1"]


def test_a_clip_sounds_on_the_page_as_in_the_corpus(finished, page):
    findings = Findings(finished)
    shown = {a["data-clip"] for a in page.all("audio")}
    assert shown == page.recordings.keys()
    utterance = next(u for u in findings.corpus.utterances if u.id in shown)
    wave, rate = soundfile.read(io.BytesIO(b64decode(page.recordings[utterance.id])))
    original = findings.corpus.wave(utterance)
    assert (rate, len(wave)) == (SAMPLE_RATE, len(original))
    assert np.corrcoef(wave, original)[0, 1] > 0.99


def test_a_clip_that_two_models_are_shown_on_is_stored_once(page):
    rows = [a["data-id"] for a in page.all("tr") if "data-id" in a]
    assert len(rows) > len(set(rows)) == len(page.recordings)


def test_transcripts_of_a_study_that_lie_apart_are_shown_too(page):
    assert len(page.all("tr", **{"data-model": "zero_shot"})) == 9


def test_a_second_of_sound_is_a_few_kilobytes():
    noise = np.random.default_rng(1).normal(0, 3_000, 10 * SAMPLE_RATE).astype(np.int16)
    assert len(as_mp3(noise)) < 10 * 10_000


def test_without_predictions_the_page_says_how_to_get_them(project):
    for folder in ("predictions", "zero_shot"):
        shutil.rmtree(project / "data" / folder)
    page = made(project)
    assert page.all("tr", **{"data-model": "head"}) == []
    assert "data/predictions/<model>.tsv are missing: run dvc repro" in page.text


def test_without_the_corpus_there_are_texts_and_no_players(project):
    shutil.rmtree(project / "data/corpus")
    page = made(project)
    assert page.all("audio") == [] and page.recordings == {}
    assert len(page.all("tr", **{"data-model": "head"})) == 9
    assert "data/corpus is missing: run dvc repro prepare_data" in page.text


def test_with_no_clips_no_sentence_is_on_the_page(project):
    page = made(project, 0)
    assert "no sentence" in page.text and "Private." not in page.text
    assert "audio" not in {tag for tag, _ in page.tags}


def test_with_clips_the_page_says_whom_it_is_for(page):
    assert "Private." in page.text


def test_transcripts_of_another_run_than_the_scores_are_called_so(project):
    assert "differ from the scored ones" not in made(project).text
    shutil.copy(project / "data/predictions/log_mel.tsv", project / "data/predictions/head.tsv")
    assert "differ from the scored ones (head)" in made(project).text
