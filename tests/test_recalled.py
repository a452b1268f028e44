"""Trainings that are recalled: which are the same, and which are kept."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from invented import model
from test_training import FABRIC, NO_MASKS, fit

from voicegraft.embedding.store import Store
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.trainings import Trainings
from voicegraft.training.fit import Fit
from voicegraft.training.inputs import StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.schedule import head_part
from voicegraft.training.scratch import RESULT

FIT = fit(epochs=2, patience=9, masking=NO_MASKS)


@pytest.fixture
def trainings(corpus: Corpus, store: Store, tmp_path: Path):
    """Makes trainings with those facts; each is a run of its own on one scratch."""

    def build(fit: Fit) -> Trainer:
        grafted = model("ctc_linear", layer=2)
        inputs, parts = StoredStates(store, 2, fit.masking), [head_part(grafted, fit.lr)]
        return Trainer(FABRIC, grafted, inputs, parts, fit, quiet=True)

    return lambda **facts: Trainings(build, corpus.of("dev"), tmp_path, set(), facts)


def kept(trainings: Trainings) -> set[str]:
    return {path.parent.name for path in trainings.scratch.glob(f"*/{RESULT}")}


def test_the_same_training_is_recalled_with_the_weights_that_it_learnt(trainings, corpus):
    train = corpus.of("train")
    first = trainings().train("one", train, FIT)
    before = kept(trainings())
    again = trainings().train("another name", train, FIT)
    assert kept(trainings()) == before
    assert not again.progress.history
    for name, learnt in first.best.items():
        assert torch.equal(again.bare.state_dict()[name], learnt)


def test_other_labels_other_knobs_and_other_facts_are_other_trainings(trainings, corpus):
    train = corpus.of("train")
    relabelled = [replace(train[0], text="řřř"), *train[1:]]
    trainings().train("one", train, FIT)
    trainings().train("one", relabelled, FIT)
    trainings().train("one", train, FIT.model_copy(update={"seed": 2}))
    trainings(head="other").train("one", train, FIT)
    assert len(kept(trainings())) == 4


def test_another_dev_is_another_training_for_it_chooses_the_epoch(trainings, corpus):
    first = trainings()
    first.train("one", corpus.of("train"), FIT)
    replace(first, dev=corpus.of("dev")[1:]).train("one", corpus.of("train"), FIT)
    assert len(kept(first)) == 2


def test_the_runs_in_use_are_named(trainings, corpus):
    old, new = trainings(), trainings()
    old.train("one", corpus.of("train"), FIT)
    new.train("one", corpus.of("train")[1:], FIT)
    assert len(kept(new)) == 2
    assert len(new.used) == len(old.used) == 1
    assert new.used | old.used == kept(new)


def test_a_torn_result_is_named_and_trained_anew(trainings, corpus, capsys):
    first = trainings().train("one", corpus.of("train"), FIT)
    (file,) = trainings().scratch.glob(f"*/{RESULT}")
    file.write_bytes(file.read_bytes()[:-1])
    again = trainings().train("one", corpus.of("train"), FIT)
    assert f"{file} is damaged" in capsys.readouterr().err
    assert all(torch.equal(again.best[name], learnt) for name, learnt in first.best.items())
    assert not trainings().train("one", corpus.of("train"), FIT).progress.history


def test_a_side_from_which_nothing_can_be_learnt_is_named(trainings, corpus):
    silent = [replace(clip, text="") for clip in corpus.of("train")]
    with pytest.raises(ValueError, match="no clip of train can be learnt from"):
        trainings().train("one", silent, FIT)
