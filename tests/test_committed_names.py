"""Nothing that names a voice, a clip or a sentence is in what git keeps: secrets are planted."""

import hashlib
import hmac
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import exported
import pytest
import yaml
from committed import begin, commit
from invented import model, write_corpus
from stage_runs import params_of, run, write_params
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.evaluation.pseudonyms import Names, load_names
from voicegraft.evaluation.scores import parse_scores
from voicegraft.evaluation.summary import by_speaker
from voicegraft.export.card import Given, write_card
from voicegraft.model import upstream as upstreams
from voicegraft.model.adapter import write_adapter
from voicegraft.model.saved import load_model, save_model
from voicegraft.pipeline.files import write_json
from voicegraft.report.clips import recordings, shown_clips
from voicegraft.report.findings import Findings
from voicegraft.review.rates import paired
from voicegraft.speech.manifest import Corpus, write_manifest

VOICES = {"voice0": "Jana Nováková", "voice1": "Ježek", "voice2": "+420 777 123 456"}
SESSIONS = {f"session{i}": f"kitchen of Jana {i}" for i in range(4)}
SENTENCE = "heslo je sezam"
SECRETS = [*VOICES.values(), *SESSIONS.values(), "603-555-", SENTENCE, "sezam", "kitchen"]
KEY = bytes(range(32))


def planted(folder: Path) -> None:
    """Give the clips of a corpus ids that are telephone numbers, and a secret sentence."""
    corpus = write_corpus(folder, 30)
    clips = [
        replace(
            clip,
            id=f"Jana/603-555-{number:03}.wav",
            speaker=list(VOICES.values())[number // 6 % 3],
            session=SESSIONS[clip.session],
            text=SENTENCE if number == 5 else clip.text,
        )
        for number, clip in enumerate(corpus.utterances)
    ]
    write_manifest(folder / "manifest.csv", clips)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of one's own speech, of which two models were evaluated."""
    root = tmp_path_factory.mktemp("secrets")
    params = params_of()
    params["corpus"] |= {"name": "folder", "folder": "data/own"}
    params["evaluate"] |= {"fewest_speaker_clips": 1, "resamples": 1000}
    params["transfer"]["controls"], params["finetune"]["recipes"] = ["log_mel"], []
    write_params(root, params)
    planted(root / "data/corpus")
    (root / ".gitignore").write_text("/data/\n/models/\n/.voicegraft/\n")
    for seed, name in enumerate(("head", "log_mel")):
        save_model(model(seed=seed), root / "models" / name)
        scored(root, name)
    census = {"splits": {}, "rejects": {}, "leaks": {}, "shared": {}}
    write_json(root / "evaluation/corpus.json", census)
    curve = root / "evaluation/log_mel/curves/plots/metrics/dev/cer.tsv"
    curve.parent.mkdir(parents=True)
    curve.write_text("step\tcer\n0\t1.0\n")
    begin(root)
    commit(root)
    return root


def scored(root, name):
    arguments = f"models/{name} data/corpus evaluation/{name} data/predictions/{name}.tsv"
    assert run("evaluate", arguments, root).returncode == 0


def found_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def texts_in(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def rows(root, name="head"):
    return parse_scores((root / f"evaluation/{name}/utterances.csv").read_text(encoding="utf-8"))


def test_what_git_keeps_of_ones_own_speech_has_no_name_no_number_and_no_sentence(project):
    assert run("judge_transfer", "evaluation evaluation/transfer.json", project).returncode == 0
    texts = texts_in(project / "evaluation")
    assert {"utterances.csv", "slices.csv", "confusion.csv", "transfer.json"} <= set(texts)
    assert {name: found for name, text in texts.items() if (found := found_in(text))} == {}
    local = (project / "data/predictions/head.tsv").read_text(encoding="utf-8")
    assert found_in(local)  # they stay where the recordings are, and would have been found


def test_the_same_names_are_kept_where_params_say_so(project, tmp_path):
    shutil.copytree(project, tmp_path / "kept", ignore=shutil.ignore_patterns(".git"))
    change(tmp_path / "kept", committed_names="keep")
    scored(tmp_path / "kept", "head")
    kept, hidden = rows(tmp_path / "kept"), rows(project)
    assert {score.speaker for score in kept} == set(VOICES.values())
    names = load_names(project / "params.yaml")
    assert names.committed(kept) == hidden
    # The reference's mark is of 16 bits that can be searched, unless the salt is in it.
    assert {score.reference for score in kept}.isdisjoint(score.reference for score in hidden)


def change(root, **privacy):
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["privacy"] |= privacy
    (root / "params.yaml").write_text(yaml.safe_dump(params))


def test_a_pull_request_without_transcripts_shows_nothing_personal(project, monkeypatch):
    monkeypatch.chdir(project)
    save_model(model(seed=7), project / "models/head")
    scored(project, "head")
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["prepare_data"]["split"]["unseen_speakers"] = [VOICES["voice0"]]
    params["corpus"]["folder"] = "/tapes/kitchen"
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    done = CliRunner().invoke(app, ["compare", "HEAD", "--no-transcripts"])
    assert done.exit_code == 0, done.output
    assert "| head, test | 5 |" in done.output  # clips pair by their pseudonyms
    assert "unseen_speakers" in done.output
    assert "not shown" in done.output
    assert found_in(done.output) == []


def test_a_model_card_and_an_adapter_name_no_voice_and_no_sentence(project, tmp_path):
    source, upstream = project / "models/head", tmp_path / "upstream"
    write_card(tmp_path, source, load_model(source), Given("head"))
    assert found_in((tmp_path / "README.md").read_text(encoding="utf-8")) == []
    config = upstreams.plugin("random").TINY
    upstream.mkdir()
    write_json(upstream / "upstream.json", {"name": "random", "config": config})
    save_model(exported.model("random", labels=["", *sorted(set(SENTENCE))]), tmp_path / "own")
    write_adapter(tmp_path / "own", upstream, tmp_path / "own.safetensors")
    content = (tmp_path / "own.safetensors").read_bytes()
    assert [secret for secret in SECRETS if secret.encode() in content] == []


def test_a_report_without_clips_has_only_what_git_keeps(project):
    # Rendered, the page takes seconds: what else it shows is of evaluation/, see the first test.
    findings = Findings(project)
    assert shown_clips(findings, ["head"], 0) == []
    assert recordings(findings, []) == {}
    shown = json.dumps([findings.slices("head"), findings.transfer, findings.metrics("head")])
    assert found_in(shown) == []


def test_clips_of_the_report_are_found_by_their_pseudonyms(project):
    findings = Findings(project)
    shown = shown_clips(findings, ["head"], 100)
    assert {clip.score.id for clip in shown} == {score.id for score in rows(project)}
    assert SENTENCE in {clip.reference for clip in shown}
    assert set(recordings(findings, shown)) == {clip.score.id for clip in shown}


def test_a_pseudonym_is_the_hmac_of_kind_and_name():
    wanted = hmac.digest(KEY, "speaker\nJežek".encode(), hashlib.sha256).hex()[:16]
    assert Names(KEY).of("speaker", "Ježek") == wanted
    assert Names(KEY).of("session", "Ježek") != wanted
    assert Names(bytes(32)).of("speaker", "Ježek") != wanted
    assert Names(KEY).of("speaker", "") == ""
    assert Names().of("speaker", "Ježek") == "Ježek"


def test_pseudonyms_group_and_pair_clips_as_their_names_do(project):
    scores = rows(project)
    again = Names(KEY).committed(scores)
    assert sorted(map(len, by_speaker(again, 1).values())) == sorted(
        map(len, by_speaker(scores, 1).values())
    )
    assert len(paired(again, again).new) == len(scores)
    assert paired(scores, again).new == []  # under another salt, nothing pairs


def test_pseudonyms_are_not_in_the_order_of_names_and_lengths_not_in_milliseconds(project):
    scores = rows(project)
    assert [s.id for s in scores] == sorted(s.id for s in scores)
    assert all(round(10 * s.seconds, 6) % 1 == 0 for s in scores)
    corpus = {u.seconds for u in Corpus(project / "data/corpus").of("test")}
    assert all(any(0 <= known - s.seconds < 0.1001 for known in corpus) for s in scores)


@pytest.mark.parametrize(
    ("corpus", "mode", "kept"),
    [
        ("fillets", "auto", True),
        ("folder", "auto", False),
        ("a_new_one", "auto", False),
        ("fillets", "pseudonyms", False),
        ("folder", "keep", True),
    ],
)
def test_names_are_kept_of_public_corpora_or_when_asked(tmp_path, corpus, mode, kept):
    privacy = {"committed_names": mode, "salt": "hidden/salt"}
    file = tmp_path / "params.yaml"
    file.write_text(json.dumps({"corpus": {"name": corpus}, "privacy": privacy}))
    assert (load_names(file).of("clip", "a") == "a") is kept
    assert (tmp_path / "hidden/salt").exists() is not kept
    assert load_names(file) == load_names(file)


def test_a_salt_is_for_its_owners_eyes_random_and_whole_or_refused(tmp_path):
    file, secret = tmp_path / "params.yaml", tmp_path / "salt"
    privacy = {"committed_names": "pseudonyms", "salt": "salt"}
    file.write_text(json.dumps({"corpus": {"name": "folder"}, "privacy": privacy}))
    first = load_names(file)
    assert secret.stat().st_mode & 0o077 == 0
    assert list(tmp_path.glob("*.part*")) == []
    secret.unlink()
    assert load_names(file) != first
    for damage in ("", "abc", "x" * 64):
        secret.write_text(damage)
        with pytest.raises(ValueError, match="salt holds no salt, which is 64 hexadecimal"):
            load_names(file)


def test_git_ignores_the_salt_of_both_pipelines():
    root = Path(__file__).parent.parent
    ignored = (root / ".gitignore").read_text().split()
    for pipeline in ("", "words"):
        params = yaml.safe_load((root / pipeline / "params.yaml").read_text())
        place = os.path.relpath(root / pipeline / params["privacy"]["salt"], root)
        assert f"/{Path(place).parts[0]}/" in ignored


@pytest.mark.parametrize(
    ("stage", "paths"),
    {
        "evaluate": "model corpus evaluation predictions",
        "decode": "model language corpus emissions decoded evaluation predictions",
        "explore": "corpus embeddings out",
        "align_texts": "model corpus embeddings out",
        "robustness": "model corpus out utterances",
        "seed_noise": "upstream corpus embeddings out scratch",
        "zero_shot": "faster_whisper upstream corpus evaluation predictions",
    }.items(),
)
def test_a_wrong_knob_for_names_is_refused_before_any_work(tmp_path, stage, paths):
    params = params_of()
    params["privacy"]["committed_names"] = "keeep"
    write_params(tmp_path, params)
    done = run(stage, paths, tmp_path)  # nothing that it reads is there
    assert done.returncode and "privacy.committed_names: Input should be" in done.stderr
