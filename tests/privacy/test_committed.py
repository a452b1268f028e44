"""What committed files give away, with planted names and sentences."""

import json
from dataclasses import replace

import pytest
from invented import write_corpus

from voicegraft.evaluation.pseudonyms import Names
from voicegraft.evaluation.report import write_evaluation
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.params import load_params
from voicegraft.privacy.committed import attacked
from voicegraft.privacy.verdict import CONTENT, MEMBERSHIP
from voicegraft.speech.manifest import SAMPLE_RATE

PARAMS = load_params(Evaluate, "evaluate")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Clips of which each has a length of its own, and each of train one that no other has."""
    made = write_corpus(tmp_path_factory.mktemp("own") / "corpus", clips=48).utterances
    length = SAMPLE_RATE // 10
    return [
        replace(c, samples=(10 + n) * length, text=f"heslo číslo {'ab' * (n % 3)}a {c.text}")
        for n, c in enumerate(made)
    ]


def evaluated(folder, clips, names):
    scored = [clip for clip in clips if clip.split in ("test", "unseen")]
    texts = [clip.text for clip in scored]
    write_evaluation(folder / "head", scored, texts, None, PARAMS, names=names)
    return attacked(folder, clips)


def test_a_row_is_found_by_length_and_counts_even_where_names_are_pseudonyms(clips, tmp_path):
    found = evaluated(tmp_path, clips, Names(bytes(32)))
    assert found.linked == found.scored == sum(c.split in ("test", "unseen") for c in clips)
    assert found.by_chance == found.names == found.sentences == 0
    assert found.train == sum(clip.split == "train" for clip in clips)
    assert found.finding.verdict == MEMBERSHIP
    evidence = found.finding.evidence
    assert "a row for 100 % of test and unseen clips, and for 0 % of train" in evidence


def test_names_that_are_kept_are_counted(clips, tmp_path):
    found = evaluated(tmp_path, clips, Names())
    scored = [clip for clip in clips if clip.split in ("test", "unseen")]
    wanted = {name for c in scored for name in (c.id, c.speaker, c.session)}
    assert found.names == len(wanted)


def test_a_clip_of_train_with_the_length_and_counts_of_another_is_found_by_chance(clips, tmp_path):
    evaluated(tmp_path, clips, Names(bytes(32)))
    test = next(clip for clip in clips if clip.split == "test")
    like = [replace(c, samples=test.samples, text=test.text[::-1]) for c in clips[:1]]
    train = [replace(clip, split="train") for clip in like]
    assert attacked(tmp_path, train).by_chance == 1


@pytest.mark.parametrize("name", ["found.json", "found.csv", "found.tsv", "found.md"])
def test_a_sentence_is_found_in_a_file_of_each_kind_and_however_it_is_escaped(
    clips, tmp_path, name
):
    evaluated(tmp_path, clips, Names(bytes(32)))
    said = f"dnes {clips[0].text} 3"
    text = json.dumps({"deep": [{said: 1}]}) if name.endswith("json") else f"1\n{said}\n"
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = attacked(tmp_path, clips)
    assert found.sentences >= 1
    assert found.finding.verdict == CONTENT


def test_a_word_or_two_that_anybody_says_are_no_sentence(clips, tmp_path):
    (tmp_path / "found.csv").write_text("ano,dobře\n", encoding="utf-8")
    said = [replace(clips[0], text="ano"), replace(clips[1], text="ano dobře")]
    assert attacked(tmp_path, said).sentences == 0
