"""A voice is forgotten: no byte of its sound, its states or its texts is left in the project."""

import json
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from dvc.repo import Repo
from invented import model, spoken, store_corpus
from prepared import MAIN, PARAMS
from reproduced import git
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.embedding.cache import Cache
from voicegraft.embedding.store import Store
from voicegraft.listening import forgetting
from voicegraft.listening.journal import Entry, Journal
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus

VOICE, TEXT = "Jana Nováková", "abřabřab"
STAGES = """\
# heads of texts: voicegraft/heads/
stages:
  fetch_model: {cmd: "true", outs: [models/upstream]}
  prepare_data: {cmd: "true", deps: [data/own], outs: [data/corpus]}
  extract_embeddings: {cmd: "true", deps: [data/corpus], outs: [data/embeddings]}
  evaluate:
    cmd: "true"
    deps: [data/corpus]
    outs: [data/predictions]
    plots: [evaluation/head/utterances.csv: {cache: false}]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with recordings of two voices, and what stages and commands make of them."""
    root = tmp_path_factory.mktemp("forget")
    own, rng = root / "data/own", np.random.default_rng(1)
    own.mkdir(parents=True)
    rows = ["file_name,transcription,speaker"]
    for number in range(24):
        text = TEXT if number % 4 == 0 else "".join(rng.permutation(list("abřabřabř")))
        soundfile.write(own / f"{number}.wav", spoken(text, rng), SAMPLE_RATE)
        rows.append(f"{number}.wav,{text},{VOICE if number % 4 == 0 else 'Ježek'}")
    (own / "metadata.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    (own / "notes.txt").write_text(f"said: {TEXT}\n", encoding="utf-8")
    journal = Journal(own / "corrections.jsonl")
    journal.add(Entry("correct", "metadata.csv", "0.wav", {"text": "b"}, {"text": TEXT}, "1"))
    journal.add(Entry("correct", "metadata.csv", "1.wav", {"text": "b"}, {"text": "ab"}, "2"))
    params = json.loads(json.dumps(PARAMS))
    params["corpus"]["folder"] = "data/own"
    params["prepare_data"]["check"]["min_seconds"] = 0.1
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    fill(root)
    git(root, "init", "--quiet")
    (root / "dvc.yaml").write_text(STAGES)
    with chdir(root), Repo.init(str(root)) as repo:
        repo.commit(force=True)
    (root / ".dvc/config").write_text("['remote \"backup\"']\n    url = /mnt/backup\n")
    return root


def fill(root: Path) -> None:
    """Make what stages and commands leave of the corpus."""
    prepare(root)
    corpus = Corpus(root / "data/corpus")
    (root / "data/embeddings").mkdir(exist_ok=True)
    store_corpus(root / "data/embeddings", corpus, model())
    store = Store(root / "data/embeddings")
    with Cache(root / ".voicegraft/cache", 10**9) as cache:
        cache.write({c.id.encode(): store.states(c.id, 2).tobytes() for c in corpus.utterances})
    texts = "\n".join(f"{clip.id}\t{clip.text}" for clip in corpus.utterances)
    for place in (
        *("data/predictions/head.tsv", ".voicegraft/runs/head/last.txt", "models/upstream/weights"),
        *(".voicegraft/listening/a.json", "evaluation/head/utterances.csv", "report.html"),
    ):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("" if "up" in place else texts, encoding="utf-8")
    (root / ".voicegraft/downloads").mkdir(exist_ok=True)


def prepare(root: Path) -> None:
    with chdir(root):
        MAIN(Path("downloads"), Path("data/corpus"), Path("evaluation/corpus.json"))


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "p", symlinks=True)
    monkeypatch.chdir(tmp_path / "p")
    return tmp_path / "p"


def traces(root: Path) -> dict[str, bytes]:
    """Return bytes that are of the voice alone: of its sound, of its states, and its text."""
    corpus, store = Corpus(root / "data/corpus"), Store(root / "data/embeddings")
    clip = next(c for c in corpus.utterances if c.speaker == VOICE)
    return {
        "sound": corpus.samples(clip)[500:600].tobytes(),
        "states": store.states(clip.id, 2)[3].tobytes(),
        "text": TEXT.encode(),
        "name": VOICE.encode(),
    }


def holding(root: Path, wanted: dict[str, bytes]) -> dict[str, set[str]]:
    files = [p for top in ("data", ".voicegraft", "models") for p in (root / top).rglob("*")]
    contents = {p.relative_to(root).as_posix(): p.read_bytes() for p in files if p.is_file()}
    contents |= (
        {"report.html": (root / "report.html").read_bytes()}
        if (root / "report.html").is_file()
        else {}
    )
    return {k: {name for name, c in contents.items() if v in c} for k, v in wanted.items()}


def command(*arguments: str):
    return CliRunner().invoke(app, ["forget", *arguments])


def test_no_byte_of_the_voice_is_left_in_data_caches_and_runs(project):
    wanted = traces(project)
    before = holding(project, wanted)
    assert {"data/own/0.wav", "data/corpus/audio.npy"} <= before["sound"]
    assert any(name.startswith("data/embeddings/") for name in before["states"])
    assert any(name.startswith(".voicegraft/cache/") for name in before["states"])
    assert {".voicegraft/runs/head/last.txt", "report.html"} <= before["text"]
    done = command(VOICE, "--yes")
    assert done.exit_code == 0, done.output
    # What somebody wrote beside the tables is theirs: it stays, and is named.
    left = {"sound": set(), "states": set(), "text": {"data/own/notes.txt"}, "name": set()}
    assert holding(project, wanted) == left
    assert "data/own/notes.txt: has a text of the voice" in done.output
    prepare(project)
    assert {clip.speaker for clip in Corpus(project / "data/corpus").utterances} == {"Ježek"}
    assert holding(project, wanted) == left
    assert (project / "models/upstream/weights").is_file()


def test_it_changes_nothing_unless_it_is_told_to(project):
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    done = command(VOICE)
    assert done.exit_code == 0, done.output
    assert "nothing was changed: --yes does it" in done.output
    assert f"6 clips of {VOICE} in 6 recordings" in done.output
    own = {p: c for p, c in before.items() if ".dvc" not in p.parts}
    assert {p: p.read_bytes() for p in own} == own


def test_a_recording_in_which_another_voice_has_a_line_stays_and_is_named(project):
    table = project / "data/own/metadata.csv"
    with open(table, "a", encoding="utf-8") as file:
        file.write("4.wav,b,Ježek\n")
    done = command(VOICE, "--yes")
    assert "data/own/4.wav: others speak in it too" in done.output
    assert (project / "data/own/4.wav").is_file()
    assert VOICE not in table.read_text(encoding="utf-8")


def test_what_dvc_and_git_hold_is_listed_with_the_commands_that_clear_it(project):
    found = forgetting.plan(project, VOICE)
    assert found.cached
    assert all(path.is_file() for path in found.cached)
    assert sum(path.stat().st_size for path in found.cached) > 10_000
    output = command(VOICE).output
    for words in ("dvc gc --workspace,", "--cloud --remote backup", "git filter-repo", "dvc repro"):
        assert words in output


def test_who_is_stopped_in_between_asks_again_and_it_goes_on(project, monkeypatch):
    with monkeypatch.context() as stopped:
        stopped.setattr(forgetting, "_drop", lambda *_: (_ for _ in ()).throw(OSError("full")))
        assert command(VOICE, "--yes").exit_code == 1
    assert not (project / "data/own/0.wav").is_file()
    assert command(VOICE, "--yes").exit_code == 0
    assert VOICE not in (project / "data/own/metadata.csv").read_text(encoding="utf-8")


def test_the_lines_of_the_others_and_their_corrections_stay_byte_for_byte(project):
    table = project / "data/own/metadata.csv"
    wanted = [line for line in table.read_bytes().splitlines(True) if VOICE.encode() not in line]
    command(VOICE, "--yes")
    assert table.read_bytes().splitlines(True) == wanted
    mine, other = Journal(project / "data/own/corrections.jsonl").entries
    assert (mine.clip, mine.after, other.clip, other.after) == ("", None, "1.wav", {"text": "ab"})


@pytest.mark.usefixtures("project")
def test_an_unknown_voice_is_refused_with_the_names_and_the_nearest():
    done = command("Jana Novakova")
    assert done.exit_code == 1
    assert f"did you mean {VOICE!r}; speakers: {VOICE}, Ježek" in done.output.replace("?;", ";")


def test_a_corpus_that_is_fetched_leaves_the_voice_out_by_name(tmp_path):
    file = tmp_path / "params.yaml"
    shutil.copy(Path(__file__).parent.parent / "params.yaml", file)
    before = file.read_text(encoding="utf-8")
    forgetting._leave_out(file, "o'small")
    forgetting._leave_out(file, "big")
    split = yaml.safe_load(file.read_text(encoding="utf-8"))["prepare_data"]["split"]
    assert split["forgotten_speakers"] == ["big", "o'small"]
    assert len(file.read_text(encoding="utf-8").splitlines()) == len(before.splitlines())
    file.write_text("prepare_data: {}\n")
    with pytest.raises(forgetting.ForgettingError, match="has no line prepare_data.split.forg"):
        forgetting._leave_out(file, "big")


def test_prepare_data_leaves_forgotten_voices_out(project):
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["prepare_data"]["split"]["forgotten_speakers"] = [VOICE]
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    prepare(project)
    assert {clip.speaker for clip in Corpus(project / "data/corpus").utterances} == {"Ježek"}
    assert VOICE not in (project / "data/corpus/rejects.csv").read_text(encoding="utf-8")
