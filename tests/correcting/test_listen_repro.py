"""Thirty corrections by somebody at the keyboard, and what `dvc repro` makes of them."""

import csv
import shutil

import pytest
import yaml
from reproduced import ROOT, begin, copy_code, dvc, ran
from served_page import log_of, running, session_of, write_own

from voicegraft.pipeline.params import read_params
from voicegraft.speech.manifest import BACKGROUND

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
CLIPS, CORRECTED, REJECTED = 40, 30, 2
FAKES = ("models/upstream", "data/embeddings")


def manifest(project):
    with open(project / "data/corpus/manifest.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] != BACKGROUND]
    return {row["id"]: row for row in rows}


def commit(project, *stages):
    """Let DVC take what lies there for what these stages have made."""
    for path in FAKES:
        (project / path).mkdir(parents=True, exist_ok=True)
        (project / path / "made").write_text(path)
    dvc(project, "commit", "--force", *stages)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with forty clips of its own, prepared."""
    project = tmp_path_factory.mktemp("project")
    copy_code(project)
    shutil.rmtree(project / "data/own")
    sides = ["train"] * 30 + ["dev"] * 5 + ["test"] * 5
    rows = [(f"old text {number}", "ann", side) for number, side in enumerate(sides)]
    header = "file_name,transcription,speaker,split"
    write_own(project / "data/own", header=header, rows=rows)
    params = yaml.safe_load(yaml.safe_dump(read_params(ROOT / "params.yaml")))
    params["corpus"] |= {"name": "folder", "language": "x"}
    (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    begin(project)
    dvc(project, "repro", "prepare_data")
    commit(project, "fetch_model", "extract_embeddings")
    return project


def correct_thirty(project, opened):
    with running(session_of(project / "data/own")) as client:
        page = opened(client)
        for number in range(CORRECTED):
            expect(page.locator("#name")).to_have_text(f"{number}.wav")
            page.keyboard.press("Escape")
            page.keyboard.press("Enter")
            page.keyboard.press("Control+a")
            page.keyboard.type(f"new {number}")
            page.keyboard.press("Enter")
        expect(page.locator("#count")).to_have_text("30 of 40 done")


def test_thirty_corrections_are_thirty_rows_and_only_what_depends_on_them_runs(project, opened):
    before, table = manifest(project), (project / "data/own/metadata.csv").read_text()
    assert dvc(project, "status", "fetch_model", "prepare_data", "extract_embeddings").strip() == (
        "Data and pipelines are up to date."
    )
    correct_thirty(project, opened)
    assert len(log_of(project / "data/own")) == CORRECTED
    lines = (project / "data/own/metadata.csv").read_text().splitlines()
    assert sum(a != b for a, b in zip(table.splitlines(), lines, strict=True)) == CORRECTED

    said = dvc(project, "status", "fetch_model", "prepare_data", "extract_embeddings")
    assert "prepare_data" in said and "data/own" in said and "fetch_model" not in said
    assert ran(dvc(project, "repro", "fetch_model", "prepare_data")) == ["prepare_data"]
    now = manifest(project)
    changed = {name for name in before if now[name] != before[name]}
    assert changed == {f"{number}.wav" for number in range(CORRECTED)}
    assert {now[name]["text"] for name in changed} == {f"new {n}" for n in range(CORRECTED)}
    assert all(before[name] | {"text": now[name]["text"]} == now[name] for name in changed)
    said = dvc(project, "status", "fetch_model", "prepare_data", "extract_embeddings")
    assert "extract_embeddings" in said and "data/corpus" in said
    assert "fetch_model" not in said and "prepare_data:" not in said


def test_what_is_rejected_is_named_with_its_reason_and_a_journal_changes_nothing(project):
    with running(session_of(project / "data/own")) as client:
        for clip in client.clips()[:REJECTED]:
            assert client.save(clip, reject="two voices").status == 200
        dvc(project, "repro", "prepare_data")
        assert len(manifest(project)) == CLIPS - REJECTED
        with open(project / "data/corpus/rejects.csv", newline="") as file:
            reasons = [row["reason"] for row in csv.DictReader(file)]
        assert reasons == ["rejected by ear: two voices"] * REJECTED
        clip = client.clips()[5]
        assert client.save(clip, text=clip["text"]).status == 200  # it was right
    assert ran(dvc(project, "repro", "prepare_data")) == []
