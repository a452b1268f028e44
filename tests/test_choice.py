"""The layer and the pooling that train chooses: on invented features, and by the stage."""

import csv
import json

import numpy as np
import pytest
import stage_runs
from stage_runs import new_classes

from voicegraft.embedding.choice import View, choose, groups_of, voices_in
from voicegraft.model.saved import load_model

SIZE = 10
VIEWS = [View(k, "mean", np.arange(k * SIZE, (k + 1) * SIZE)) for k in range(3)]
COMMANDS = {
    "extract_embeddings": "upstream corpus cache embeddings",
    "train_head": "upstream corpus embeddings head curves scratch",
}


def layers(holding, seed=1, clips=90, groups=15, by_group=0.0):
    """Noise in all layers but `holding`, where each of three classes has a centre.

    Layer 0 has a centre for each group as well, whose clips are all of one class.
    """
    rng = np.random.default_rng(seed)
    number = np.arange(clips) % groups
    targets = number % 3
    features = rng.normal(0, 1, (clips, 3 * SIZE))
    features[:, VIEWS[holding].columns] += rng.normal(0, 1, (3, SIZE))[targets]
    features[:, VIEWS[0].columns] += by_group * rng.normal(0, 1, (groups, SIZE))[number]
    return features, targets, [f"group {k}" for k in number]


@pytest.mark.parametrize("holding", [0, 1, 2])
def test_the_layer_that_holds_the_classes_is_chosen(holding):
    features, targets, groups = layers(holding)
    trials = choose(features, VIEWS, targets, groups, voices=3)
    assert trials[0].view.layer == holding
    assert sorted(t.log_loss for t in trials) == [t.log_loss for t in trials]
    assert trials[0].low > 0.5 > trials[1].accuracy > trials[1].low


def test_a_layer_that_holds_the_groups_is_not():
    features, targets, groups = layers(2, by_group=5)
    assert choose(features, VIEWS, targets, groups, voices=3)[0].view.layer == 2
    # Were clips of one group on both sides, the group would tell the class.
    alone = [str(number) for number in range(len(targets))]
    assert choose(features, VIEWS, targets, alone, voices=3)[0].view.layer == 0


def test_the_interval_is_over_groups_and_not_over_clips():
    features, targets, groups = layers(1)
    (once,), (copied,) = (
        choose(np.tile(features, (n, 1)), VIEWS[1:2], np.tile(targets, n), groups * n, voices=3)
        for n in (1, 4)
    )
    # Copies in the same groups tell nothing new.
    assert copied.high - copied.low > 0.6 * (once.high - once.low)


def test_of_one_voice_the_highest_layer_in_the_interval_of_the_best_is_chosen():
    features, targets, groups = layers(0, clips=600, groups=60)
    features[:, VIEWS[1].columns] = features[:, VIEWS[0].columns]
    noise = np.random.default_rng(2).normal(0, 0.01, (600, SIZE))
    features[:, VIEWS[1].columns] += noise  # as good but for that: layer 2 holds nothing
    many, one = (choose(features, VIEWS, targets, groups, voices)[0] for voices in (3, 1))
    assert many.log_loss <= one.log_loss
    assert one.view.layer == 1
    few = [part[:300] for part in (features, targets, groups)]
    assert (
        choose(few[0], VIEWS, few[1], few[2], 1)[0] == choose(few[0], VIEWS, few[1], few[2], 3)[0]
    )


def test_voices_are_counted_if_every_clip_has_one():
    assert [voices_in(v) for v in (["a", "b", "a"], ["a", "a"], ["a", ""], [])] == [2, 1, 3, 3]


def test_one_clip_of_each_class_leaves_the_first_view():
    features, targets, groups = layers(2, clips=3, groups=3)
    (trial,) = choose(features, VIEWS, targets, groups, voices=3)
    assert (trial.view, np.isnan(trial.accuracy)) == (VIEWS[0], True)


def test_groups_are_speakers_where_there_are_three_and_else_texts():
    labels, texts = ["a", "b"] * 30, [f"text {i}" for i in range(60)]
    three = [f"voice {i // 2 % 3}" for i in range(60)]
    assert groups_of(labels, three, texts) == three
    two = [f"voice {i // 2 % 2}" for i in range(60)]
    assert groups_of(labels, two, texts) == texts
    assert groups_of(labels, ["", *three[1:]], texts) == texts
    # A class of one voice alone could not be learnt without that voice.
    assert groups_of(["c" if who == "voice 1" else "a" for who in three], three, texts) == texts


@pytest.fixture(scope="module")
def project(tmp_path_factory, whisper_folder):
    """A folder in which a head has chosen its layer and its pooling."""
    return trained(tmp_path_factory.mktemp("auto"), whisper_folder)


def trained(folder, whisper_folder):
    new_classes(folder, whisper_folder, layer="auto", pooling="auto")
    params = stage_runs.params_of("words")
    params["extract_embeddings"]["layers"] = [1, 4]
    stage_runs.write_params(folder, params)
    for stage, arguments in COMMANDS.items():
        done = stage_runs.run(stage, arguments, folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_the_model_has_what_was_chosen_and_the_table_what_was_tried(project):
    with open(project / "curves/choice.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    described = load_model(project / "head").description
    layer = " ".join(map(str, described.layers))
    assert rows[0]["view"] == f"layer {layer}, {described.pooling}"
    assert "auto" not in (project / "head/model.json").read_text()
    assert float(rows[0]["log_loss"]) <= float(rows[-1]["log_loss"])
    assert float(rows[0]["accuracy"]) > 0.9
    assert json.loads((project / "head/model.json").read_text())["head"] == "logistic"


def test_the_choice_is_the_same_twice_to_the_byte(project, tmp_path, whisper_folder):
    again = trained(tmp_path, whisper_folder)
    for file in ("curves/choice.csv", "head/model.safetensors", "head/model.json"):
        assert (again / file).read_bytes() == (project / file).read_bytes(), file
