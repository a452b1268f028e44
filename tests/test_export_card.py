"""The model card says what is known of this very model, and nothing else."""

import json
import shutil

import pytest
import yaml
from exported import CLASSES, model

from voicegraft.export.card import Given, write_card
from voicegraft.language.settings import FOLDER as DECODER
from voicegraft.model.saved import save_model
from voicegraft.pipeline.files import sha256_of
from voicegraft.pipeline.provenance import provenance

SENTENCE = "tajemství hlubin"
CORPUS = "corpus:0123456789abcdef"
SIDES = {
    "train": {"clips": 90, "hours": 1.25, "speakers": 3},
    "test": {"clips": 12, "hours": 0.2, "speakers": 2},
    "unseen": {"clips": 0, "hours": 0.0, "speakers": 0},
}
ROW = "| test: voices of the training | 12 | {} | 20.0 (15.0–25.0) | 60.0 (50.0–70.0) |"


def rates(*of, **values):
    each = {"cer": 0.2, "cer_low": 0.15, "cer_high": 0.25}
    each |= {"wer": 0.6, "wer_low": 0.5, "wer_high": 0.7}
    return {"of": [CORPUS, *of], "test": {"clips": 12, **(values or each)}}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


@pytest.fixture
def project(tmp_path):
    """Return a project with a model, scores of it and of another, and its corpus."""
    save_model(model(), tmp_path / "models/top3")
    identity = {"name": "whisper", "checkpoint": "base", "licence": "MIT"}
    write(tmp_path / "models/upstream/upstream.json", identity)
    write(tmp_path / "params.yaml", "corpus: {language: no}\n")
    write(
        tmp_path / "evaluation/corpus.json",
        {"of": [CORPUS], "splits": SIDES, "shared": {"train-test": {"speakers": 2}}},
    )
    (own,) = provenance(model=tmp_path / "models/top3")
    write(tmp_path / "evaluation/top3/rates.json", rates(own))
    slices = "split,kind,slice,cer,cer_low,cer_high,clips\n"
    slices += "test,seconds,0-2,0.3,0.2,0.4,5\ntest,speaker,ann,0.9,0.8,1.0,2\n"
    write(tmp_path / "evaluation/top3/slices.csv", slices)
    write(tmp_path / "evaluation/top3/worst.csv", SENTENCE)
    write(tmp_path / "evaluation/other/rates.json", rates("model:other"))
    return tmp_path


def card(project, name="top3", given=None, of=None):
    """Return the metadata and the text of the card."""
    out = project / "out"
    out.mkdir(exist_ok=True)
    write_card(out, project / "models" / name, of or model(), given or Given("my model"))
    _, metadata, text = (out / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(metadata), text


def test_it_has_the_hours_the_voices_the_licences_and_the_scores(project):
    metadata, text = card(project, given=Given("my model", licence="gpl-2.0"))
    assert metadata["license"] == "gpl-2.0"
    assert metadata["language"] == "no"  # Norwegian, and not false
    assert metadata["base_model"] == "openai/whisper-base"
    assert metadata["pipeline_tag"] == "automatic-speech-recognition"
    assert "whisper base (MIT)" in text and "corpus: gpl-2.0." in text
    assert "| train | 1.25 | 90 | 3 |" in text and "| unseen" not in text
    assert ROW.format("greedy, as the file") in text
    assert "On test, clips of 0-2 s are worst: CER 30.0 % (20.0–40.0, 5 clips)." in text


@pytest.mark.parametrize("file", ["top3/rates.json", "corpus.json"])
def test_scores_of_another_model_or_corpus_are_left_out(project, file):
    path = project / "evaluation" / file
    of = json.loads(path.read_text())["of"]
    text = path.read_text().replace(of[-1], f"{of[-1][:-1]}x")
    path.write_text(text)
    metadata, text = card(project)
    assert "Not measured" in text and "Not known" in text and "20.0" not in text
    assert "language" not in metadata and "license" not in metadata
    assert "not recorded here; find out before you share it" in text


@pytest.mark.parametrize(
    ("shared", "shown"), [({"speakers": 0}, "| test: voices never heard |"), ({}, "| test | 12 |")]
)
def test_voices_are_said_to_be_of_the_training_only_if_they_are(project, shared, shown):
    corpus = {"of": [CORPUS], "splits": SIDES, "shared": {"train-test": shared}}
    write(project / "evaluation/corpus.json", corpus)
    assert shown in card(project)[1]


def test_scores_with_a_language_model_are_named_as_such(project):
    shutil.copytree(project / "models/top3", project / "models/top3_lm")
    (project / "models/top3_lm" / DECODER).mkdir()
    (own,) = provenance(model=project / "models/top3")
    better = rates(own, "language:abc", cer=0.1, cer_low=0.1, cer_high=0.1)
    write(project / "evaluation/top3_lm/rates.json", better)
    assert "with the language model" not in card(project)[1]
    _, text = card(project, "top3_lm")
    assert ROW.format("greedy, as the file") in text
    assert "| with the language model | 10.0 (10.0–10.0) |" in text
    assert "`language_model/` has the n-grams" in text


def test_no_sentence_and_no_path_is_in_it(project):
    write(project / "data/corpus/manifest.csv", SENTENCE)
    _, text = card(project)
    assert SENTENCE not in text and str(project) not in text


def test_a_folder_alone_gives_a_card_that_claims_nothing(tmp_path):
    save_model(model(), tmp_path / "models/top3")
    metadata, text = card(tmp_path, given=Given("m", language="cs"))
    assert metadata["language"] == "cs" and "base_model" not in metadata
    assert "whisper (licence not recorded)" in text and "Not measured" in text


def test_a_classifier_has_its_classes_and_accuracy(project):
    of = model(head="mlp", pooling="mean")
    save_model(of, project / "models/words")
    (own,) = provenance(model=project / "models/words")
    values = {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95}
    values |= {"macro_f1": 0.5, "macro_f1_low": 0.4, "macro_f1_high": 0.6}
    write(project / "evaluation/words/rates.json", rates(own, **values))
    metadata, text = card(project, "words", of=of)
    assert metadata["pipeline_tag"] == "audio-classification"
    assert ", ".join(CLASSES) in text
    assert "| test: voices of the training | 12 | 90.0 (80.0–95.0) | 50.0 (40.0–60.0) |" in text


def test_a_damaged_file_beside_the_model_is_named(project):
    write(project / "evaluation/top3/rates.json", "{")
    with pytest.raises(ValueError, match="rates.json is damaged"):
        card(project)


def test_the_card_tells_the_guarantee_of_these_weights_and_of_no_others(project):
    source = project / "models/top3"
    assert "differential privacy" not in card(project)[1]
    made = {"epsilon": 7.99, "delta": 5e-4, "unit": "utterance", "units": 1000}
    made |= {"noise_multiplier": 0.9, "clip_norm": 1.0, "sampling_rate": 0.1, "steps": 120}
    of = {"model.safetensors": sha256_of(source / "model.safetensors")}
    write(source / "privacy.json", made | {"of": of})
    assert "The head has (7.99, 5.0e-04)-differential privacy by utterance, of 1000" in " ".join(
        card(project)[1].split()
    )
    write(source / "privacy.json", made | {"of": {"model.safetensors": "0" * 64}})
    assert "differential privacy" not in card(project)[1]
