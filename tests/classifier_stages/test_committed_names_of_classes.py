"""Of one's own words, git keeps no name of a voice, a session or a clip: secrets are planted."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from committed import begin, commit
from invented import store_corpus
from pitched import tiny
from stage_runs import params_of, write_params
from staged import run
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.model.saved import load_model, save_model
from voicegraft.pipeline.files import write_json
from voicegraft.speech.manifest import Corpus, write_manifest

VOICES = {"voice0": "Jana Nováková", "voice1": "+420 777 123 456"}
SECRETS = [*VOICES.values(), "603-555-", "kitchen of Jana", "secret words"]
STUDIES = {
    "few_shot": "corpus embeddings evaluation/few_shot.csv",
    "leave_classes_out": "corpus embeddings evaluation/left_out.csv",
    "leave_speakers_out": "corpus embeddings evaluation/voices.csv",
    "robustness": "model corpus evaluation/robustness.csv evaluation/worse.csv",
}


def params_of_own() -> dict:
    """Return params of words, of a corpus of one's own and of little work."""
    params = params_of("words")
    params["corpus"] |= {"name": "folder", "folder": "/tapes/kitchen of Jana"}
    params["privacy"] = {"committed_names": "auto", "salt": "salt"}
    params["evaluate"] |= {"resamples": 1000, "fewest_speaker_clips": 2, "unknown_labels": []}
    params["head"] |= {"layer": 2, "pooling": "mean_std", "normalise": "none"}
    params["few_shot"] |= {"shots": [1, 5], "draws": 5}
    params["robustness"]["conditions"] = [{"telephone": "band"}]
    return params


@pytest.fixture
def own(tmp_path, made, monkeypatch):
    """A project of one's own words, with names, telephone numbers and a repository."""
    root = tmp_path / "own"
    shutil.copytree(made / "corpus", root / "corpus")
    clips = [
        replace(
            clip,
            id=f"Jana/603-555-{number:03}",
            speaker=VOICES[clip.speaker],
            session=f"kitchen of Jana {clip.session}",
        )
        for number, clip in enumerate(Corpus(root / "corpus").utterances)
    ]
    write_manifest(root / "corpus/manifest.csv", clips)
    (root / "model").symlink_to(made / "model")
    store_corpus(root / "embeddings", Corpus(root / "corpus"), load_model(made / "model"))
    write_params(root, params_of_own())
    (root / ".gitignore").write_text("/salt\n/corpus\n/embeddings\n/model\n/predictions.csv\n")
    monkeypatch.chdir(root)
    return root


def found_in(folder: Path) -> dict[str, list[str]]:
    """Return the secrets in each file that has some."""
    texts = {file.name: file.read_text(encoding="utf-8") for file in folder.rglob("*.*")}
    found = {name: [s for s in SECRETS if s in text] for name, text in texts.items()}
    return {name: secrets for name, secrets in found.items() if secrets}


def test_what_git_keeps_of_ones_own_words_has_no_name_and_no_number(own):
    assert not run("evaluate", "model", "corpus", "evaluation/model", "predictions.csv")
    for study, paths in STUDIES.items():
        assert not run(study, *paths.split()), study
    assert len(list((own / "evaluation").rglob("*.*"))) >= 12
    assert found_in(own / "evaluation") == {}
    assert any(name in (own / "corpus/manifest.csv").read_text() for name in SECRETS)


def test_a_pull_request_on_classes_shows_nothing_personal_without_transcripts(own):
    assert not run("evaluate", "model", "corpus", "evaluation/head", "predictions.csv")
    write_json(own / "evaluation/corpus.json", {"splits": {}, "rejects": {}, "leaks": {}})
    begin(own)
    commit(own)
    save_model(tiny(["high", "low", "middle"], "one_frame"), own / "other")
    params = params_of_own()
    params["prepare_data"]["split"]["unseen_speakers"] = [VOICES["voice0"]]
    write_params(own, params)
    assert not run("evaluate", "other", "corpus", "evaluation/head", "predictions.csv")
    done = CliRunner().invoke(app, ["compare", "HEAD", "--no-transcripts"])
    assert done.exit_code == 0, done.output
    assert "head, test" in done.output
    assert [secret for secret in SECRETS if secret in done.output] == []
